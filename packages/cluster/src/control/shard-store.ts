import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CutpointError, systemReason } from '@cutpoint/core';
import type { PackagePart } from '@cutpoint/llm';
import { requireDiskSpace } from '@cutpoint/llm/parts';
import type { Shard } from '../engine/half-sessions.js';
import { checkShardManifest, type ShardManifest, shardManifestName } from '../shard/shard-manifest.js';
import type { ShardIdentity } from './cluster-protocol.js';

/** What a shard's folder is called: the same shard of the same package has the same name everywhere. */
export function shardId({ package: hash, slice }: ShardIdentity): string {
  const { rank, ranks, heads, kvHeads, ffnColumns, vocabulary } = slice;
  const text = JSON.stringify([hash, rank, ranks, heads, kvHeads, ffnColumns, vocabulary].map(flat));
  return createHash('sha256').update(text).digest('hex');
}

function flat(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'from' in value && 'to' in value
    ? [value.from, value.to]
    : value;
}

/** The shards on this machine, each in a folder by its name. */
export class ShardStore {
  constructor(readonly folder: string) {}

  /** A shard that is complete. @throws CutpointError CUT_PACKAGE if what is there is damaged. */
  async find(identity: ShardIdentity): Promise<Shard | undefined> {
    const folder = this.place(identity);
    const path = join(folder, shardManifestName);
    const text = await readFile(path, 'utf8').catch(() => undefined);
    if (text === undefined) return undefined;
    const manifest = checkShardManifest(parsed(text, path), path);
    for (const part of [...manifest.halves, ...(manifest.head === null ? [] : [manifest.head])]) {
      if ((await sizeOf(join(folder, part.path))) === part.bytes) continue;
      const message = `${join(folder, part.path)} is missing or has another length than ${path} says: remove ${folder}.`;
      throw new CutpointError('CUT_PACKAGE', message);
    }
    return { folder, manifest };
  }

  /** Where a complete shard lies. */
  place(identity: ShardIdentity): string {
    return join(this.folder, shardId(identity));
  }

  /** A shard that arrives file by file; what came of it earlier is still there. @throws CutpointError CUT_DISK_FULL, CUT_FILE_WRITE */
  async receive(identity: ShardIdentity, bytes: number): Promise<GrowingShard> {
    const folder = this.place(identity);
    const growing = `${folder}.partial`;
    await requireDiskSpace(folder, bytes);
    try {
      await mkdir(join(growing, 'layers'), { recursive: true });
    } catch (thrown) {
      throw writeError(growing, thrown);
    }
    return new GrowingShard(identity, growing, folder);
  }
}

/** A shard whose files arrive one after another. A file that is there under its name is complete, and what its hash says. */
export class GrowingShard {
  readonly #parts = new Map<string, PackagePart<string>>();
  #current: { readonly part: PackagePart<string>; bytes: number } | undefined;

  constructor(
    readonly identity: ShardIdentity,
    readonly growing: string,
    readonly folder: string,
  ) {}

  /** How many bytes of a file are there. */
  async begin(part: PackagePart<string>): Promise<number> {
    this.#current = undefined;
    if ((await sizeOf(join(this.growing, part.path))) === part.bytes && (await this.#isWhole(part, part.path))) {
      this.#parts.set(part.path, part);
      return part.bytes;
    }
    const begun = await sizeOf(this.#unfinished(part));
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
      const file = await open(this.#unfinished(part), offset === 0 ? 'w' : 'r+');
      try {
        await file.write(bytes, 0, bytes.length, offset);
      } finally {
        await file.close();
      }
    } catch (thrown) {
      throw writeError(this.#unfinished(part), thrown);
    }
    current.bytes += bytes.length;
    if (current.bytes < part.bytes) return;
    this.#current = undefined;
    if (!(await this.#isWhole(part, `${path}.unfinished`))) {
      await rm(this.#unfinished(part), { force: true });
      throw new CutpointError('CUT_PACKAGE', `${path} arrived damaged: its hash is another. Try again.`);
    }
    await rename(this.#unfinished(part), join(this.growing, path));
    this.#parts.set(path, part);
  }

  /** Makes the shard complete. @throws CutpointError CUT_PACKAGE if a file is missing, or weights are not those of this shard. */
  async seal(
    about: Pick<ShardManifest, 'format' | 'version' | 'name' | 'config'>,
    paths: readonly string[],
  ): Promise<Shard> {
    const parts = paths.map((path) => this.#parts.get(path));
    const halves = parts.filter((part) => part !== undefined && part.path !== 'head.bin');
    const head = this.#parts.get('head.bin') ?? null;
    const { package: hash, slice } = this.identity;
    const value = { ...about, package: hash, slice, halves, head };
    const manifest = checkShardManifest(value, dirname(join(this.growing, shardManifestName)));
    try {
      await writeFile(join(this.growing, shardManifestName), `${JSON.stringify(manifest)}\n`);
      await rename(this.growing, this.folder);
    } catch (thrown) {
      throw writeError(this.folder, thrown);
    }
    return { folder: this.folder, manifest };
  }

  #unfinished({ path }: PackagePart<string>): string {
    return join(this.growing, `${path}.unfinished`);
  }

  async #isWhole({ sha256 }: PackagePart<string>, path: string): Promise<boolean> {
    const hash = createHash('sha256');
    for await (const bytes of createReadStream(join(this.growing, path), { highWaterMark: 1 << 20 }))
      hash.update(bytes);
    return hash.digest('hex') === sha256;
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  return await stat(path).then(
    ({ size }) => size,
    () => undefined,
  );
}

function parsed(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CutpointError('CUT_PACKAGE', `${path} is damaged: remove its folder.`, { cause });
  }
}

function writeError(path: string, thrown: unknown): CutpointError {
  return new CutpointError('CUT_FILE_WRITE', `${path} cannot be written: ${systemReason(thrown)}.`, { cause: thrown });
}
