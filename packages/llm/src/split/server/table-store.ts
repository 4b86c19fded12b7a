import { createHash } from 'node:crypto';
import { isTableName, parseTransformTable, type TransformTable, type TransformTables } from '@cutpoint/codec';
import { CutpointError } from '@cutpoint/core';
import { modelIdentity } from '../../package/model-identity.js';
import type { PackageManifest } from '../../package/package-manifest.js';
import { type CrossingCodecs, openCrossingCodecs, tablesOf } from '../crossing-codecs.js';
import type { Split } from '../split-protocol.js';

interface SentTable {
  readonly table: TransformTable;
  readonly fileBytes: number;
}

/** The tables of codecs that a server has: its own, and those that agents have sent, of which it keeps the last used. */
export class TableStore {
  readonly #manifest: PackageManifest;
  readonly #own: TransformTables;
  readonly #maxSentBytes: number;
  /** What was used last comes last. */
  readonly #sent = new Map<string, SentTable>();

  /** @param maxSentBytes of the files that agents send, together; 0: none is taken. */
  constructor(manifest: PackageManifest, own: TransformTables, maxSentBytes: number) {
    this.#manifest = manifest;
    this.#own = own;
    this.#maxSentBytes = maxSentBytes;
  }

  /** Of these tables those that an agent has to send. */
  missing(names: readonly string[]): readonly string[] {
    return names.filter((name) => !this.#own.has(name) && !this.#sent.has(name));
  }

  /**
   * Takes the file of a table, however hostile. Others that were sent make room for it.
   * @throws CutpointError CUT_CODEC_TABLE if it is too large, not what its name says, damaged, or of another model.
   */
  take(name: string, file: Uint8Array): void {
    if (this.missing([name]).length === 0) return;
    this.#requireSize(name, file.length);
    if (!isTableName(name, createHash('sha256').update(file).digest('hex'))) {
      throw refused(name, 'is not what its name says: copy it again, under the name that calibration gave it');
    }
    const table = parseTransformTable(file);
    if (table.modelHash !== modelIdentity(this.#manifest)) {
      throw refused(name, `is not of the model "${this.#manifest.name}": calibrate this one`);
    }
    this.#makeRoom(file.length);
    this.#sent.set(name, { table, fileBytes: file.length });
  }

  /** The codecs of a split. @throws CutpointError as `openCrossingCodecs` does. */
  codecsOf(split: Split): CrossingCodecs {
    for (const name of tablesOf(split)) this.#used(name);
    const sent = [...this.#sent].map(([name, { table }]) => [name, table] as const);
    return openCrossingCodecs(split, this.#manifest, new Map([...sent, ...this.#own]));
  }

  #used(name: string): void {
    const found = this.#sent.get(name);
    if (found === undefined) return;
    this.#sent.delete(name);
    this.#sent.set(name, found);
  }

  #requireSize(name: string, bytes: number): void {
    if (bytes <= this.#maxSentBytes) return;
    const most = `${this.#maxSentBytes / 1e6} MB`;
    const why =
      this.#maxSentBytes === 0
        ? 'is not on the server, which takes none from agents'
        : `has ${bytes} bytes, more than the ${most} that the server takes from agents`;
    throw refused(name, `${why}: start the server with --codec-tables, or with a larger --sent-tables-mb`);
  }

  #makeRoom(moreBytes: number): void {
    let bytes = moreBytes;
    for (const { fileBytes } of this.#sent.values()) bytes += fileBytes;
    for (const [name, { fileBytes }] of this.#sent) {
      if (bytes <= this.#maxSentBytes) return;
      this.#sent.delete(name);
      bytes -= fileBytes;
    }
  }
}

function refused(name: string, why: string): CutpointError {
  return new CutpointError('CUT_CODEC_TABLE', `The table "${name.slice(0, 128)}" ${why}.`);
}
