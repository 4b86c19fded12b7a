import { open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CutpointError } from '@cutpoint/core';
import type { PackagePart } from '@cutpoint/llm';
import type { Shard } from '../engine/half-sessions.js';
import { hashOf, recordChecked } from '../shard/changed-files.js';
import { checkShardManifest, type ShardManifest, shardManifestName } from '../shard/shard-manifest.js';
import type { ShardIdentity } from './cluster-protocol.js';
import { writeError } from './write-error.js';

export interface GrowingOptions {
  readonly identity: ShardIdentity;
  /** In which it grows: nobody else writes there. */
  readonly folder: string;
  /** Where it goes when it is complete. @returns what is there then: of several that arrived at once, the first. */
  readonly publish: (shard: Shard) => Promise<Shard>;
  /** Where it goes when it is not, so that who receives it next goes on from there. */
  readonly leftAt: string;
  /** What its files may take together. */
  readonly mostBytes: number;
}

/** A shard whose files arrive one after another. A file that is there under its name is complete, and what its hash says. */
export class GrowingShard implements AsyncDisposable {
  readonly #options: GrowingOptions;
  /** By path. */
  readonly #announced = new Map<string, PackagePart<string>>();
  readonly #whole = new Set<string>();
  #current: { readonly part: PackagePart<string>; bytes: number } | undefined;
  #sealed = false;

  constructor(options: GrowingOptions) {
    this.#options = options;
  }

  /** How many bytes of a file are there. @throws CutpointError CUT_INPUT where the files would take more than was offered. */
  async begin(part: PackagePart<string>): Promise<number> {
    this.#current = undefined;
    this.#announced.set(part.path, part);
    this.#whole.delete(part.path);
    this.#requireOffered();
    if ((await sizeOf(this.#at(part.path))) === part.bytes && (await this.#isWhole(part, part.path))) {
      this.#whole.add(part.path);
      return part.bytes;
    }
    const begun = await sizeOf(this.#at(unfinished(part)));
    const bytes = begun !== undefined && begun < part.bytes ? begun : 0;
    this.#current = { part, bytes };
    return bytes;
  }

  /** The next bytes of the file that was begun last. @throws CutpointError CUT_INPUT, CUT_PACKAGE, CUT_FILE_WRITE */
  async write(path: string, offset: number, bytes: Uint8Array): Promise<void> {
    const current = this.#current;
    if (current?.part.path !== path || current.bytes !== offset || offset + bytes.length > current.part.bytes) {
      throw new CutpointError('CUT_INPUT', `Bytes from ${offset} of ${path} are not those that come next.`);
    }
    const { part } = current;
    try {
      const file = await open(this.#at(unfinished(part)), offset === 0 ? 'w' : 'r+');
      try {
        await file.write(bytes, 0, bytes.length, offset);
      } finally {
        await file.close();
      }
    } catch (thrown) {
      throw writeError(this.#at(unfinished(part)), thrown);
    }
    current.bytes += bytes.length;
    if (current.bytes < part.bytes) return;
    this.#current = undefined;
    if (!(await this.#isWhole(part, unfinished(part)))) {
      await rm(this.#at(unfinished(part)), { force: true });
      throw new CutpointError('CUT_PACKAGE', `${path} arrived damaged: its hash is another. Try again.`);
    }
    await rename(this.#at(unfinished(part)), this.#at(path));
    this.#whole.add(path);
  }

  /** Makes the shard complete. @throws CutpointError CUT_PACKAGE if a file is missing, or weights are not those of this shard. */
  async seal(
    about: Pick<ShardManifest, 'format' | 'version' | 'name' | 'config'>,
    paths: readonly string[],
  ): Promise<Shard> {
    const { identity, folder, publish } = this.#options;
    const parts = paths.map((path) => (this.#whole.has(path) ? this.#announced.get(path) : undefined));
    const halves = parts.filter((part) => part !== undefined && part.path !== 'head.bin');
    const head = parts.find((part) => part?.path === 'head.bin') ?? null;
    const { package: hash, slice } = identity;
    const manifest = checkShardManifest({ ...about, package: hash, slice, halves, head }, folder);
    try {
      await writeFile(this.#at(shardManifestName), `${JSON.stringify(manifest)}\n`);
      await recordChecked(folder, manifest);
    } catch (thrown) {
      throw writeError(folder, thrown);
    }
    const shard = await publish({ folder, manifest });
    this.#sealed = true;
    return shard;
  }

  /** Leaves what is not sealed for the next who receives it. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { folder, leftAt } = this.#options;
    this.#current = undefined;
    if (this.#sealed) return;
    // Where another was left, that one is as good.
    await rename(folder, leftAt).catch(() => rm(folder, { recursive: true, force: true }));
  }

  #requireOffered(): void {
    const { mostBytes } = this.#options;
    const bytes = [...this.#announced.values()].reduce((sum, part) => sum + part.bytes, 0);
    if (bytes <= mostBytes) return;
    const message = `The files of the shard take ${bytes} bytes so far, but ${mostBytes} were offered: offer what the shard takes.`;
    throw new CutpointError('CUT_INPUT', message);
  }

  #at(path: string): string {
    return join(this.#options.folder, path);
  }

  async #isWhole({ sha256 }: PackagePart<string>, path: string): Promise<boolean> {
    return (await hashOf(this.#at(path))) === sha256;
  }
}

function unfinished({ path }: PackagePart<string>): string {
  return `${path}.unfinished`;
}

async function sizeOf(path: string): Promise<number | undefined> {
  return await stat(path).then(
    ({ size }) => size,
    () => undefined,
  );
}
