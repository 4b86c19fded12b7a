import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { asCutpointError, type CancelSignal, CutpointError } from '@cutpoint/core';
import { requireDiskSpace } from '@cutpoint/llm/parts';
import type { Shard } from '../engine/half-sessions.js';
import { changedFile } from '../shard/changed-files.js';
import type { ShardContent } from '../shard/shard-content.js';
import { checkShardManifest, type ShardManifest, shardManifestName } from '../shard/shard-manifest.js';
import { type ShardOf, writeShard } from '../shard/write-shard.js';
import type { ShardIdentity } from './cluster-protocol.js';
import { GrowingShard } from './growing-shard.js';
import { markOf, ownTag, storeEntries } from './store-entries.js';
import { folderBytes, makeRoom, removeUnless } from './store-room.js';
import { writeError } from './write-error.js';

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

export interface ShardStoreOptions {
  /** What the folder may take, shards in use included. Default: what the disk has. */
  readonly mostBytes?: number;
  /** Hears of a shard that was removed because it is damaged, and how. */
  readonly onDamaged?: (what: string) => void;
}

/**
 * The shards on this machine, each in a folder by its name; other processes may use the same ones. A shard that was given out
 * is kept until it is let go.
 */
export class ShardStore implements AsyncDisposable {
  readonly #options: ShardStoreOptions;
  /** The files that say that shards are used. */
  readonly #marks = new Map<Shard, string>();

  constructor(
    readonly folder: string,
    options: ShardStoreOptions = {},
  ) {
    this.#options = options;
  }

  /** A shard that is complete, and what its hashes say; one that is not is removed. @throws CutpointError CUT_FILE_WRITE, CUT_CANCELLED */
  async find(identity: ShardIdentity, signal?: CancelSignal): Promise<Shard | undefined> {
    const folder = this.place(identity);
    const mark = join(folder, markOf(ownTag()));
    if (!(await wasMarked(mark))) return undefined;
    try {
      const shard = { folder, manifest: await readSound(folder, identity, signal) };
      this.#marks.set(shard, mark);
      return shard;
    } catch (thrown) {
      await rm(mark, { force: true });
      const { code, message } = asCutpointError(thrown, 'CUT_INTERNAL');
      if (code !== 'CUT_PACKAGE') throw thrown;
      await removeUnless(async () => false, folder);
      this.#options.onDamaged?.(message);
      return undefined;
    }
  }

  /** A shard that is made here, or found: another process may be quicker. @throws CutpointError as `writeShard` */
  async make(of: ShardOf, content: ShardContent, options: Parameters<typeof writeShard>[3] = {}): Promise<Shard> {
    const failure = await writeShard(this.place(of), of, content, options).then(
      () => undefined,
      (thrown: unknown) => asCutpointError(thrown, 'CUT_INTERNAL'),
    );
    if (failure !== undefined && failure.code !== 'CUT_FILE_WRITE') throw failure;
    const shard = await this.find(of, options.signal);
    if (shard !== undefined) return shard;
    throw (
      failure ?? new CutpointError('CUT_PACKAGE', `${this.place(of)} was removed as soon as it was made: try again.`)
    );
  }

  /** Where a complete shard lies. */
  place(identity: ShardIdentity): string {
    return join(this.folder, shardId(identity));
  }

  /**
   * A shard that arrives file by file; what came of it earlier is still there.
   * @param bytes what it takes: more is refused. @throws CutpointError CUT_DISK_FULL, CUT_FILE_WRITE
   */
  async receive(identity: ShardIdentity, bytes: number): Promise<GrowingShard> {
    const place = this.place(identity);
    const folder = `${place}.${ownTag()}.partial`;
    const publish = async ({ manifest }: Shard) => await this.#publish(identity, { folder, manifest });
    const growing = new GrowingShard({ identity, folder, publish, leftAt: `${place}.partial`, mostBytes: bytes });
    try {
      await this.#takeOver(shardId(identity), folder);
      if ((await folderBytes(folder)) > bytes) await rm(folder, { recursive: true });
      await mkdir(join(folder, 'layers'), { recursive: true }).catch((thrown: unknown) => {
        throw writeError(folder, thrown);
      });
      const missingBytes = bytes - (await folderBytes(folder));
      const { mostBytes } = this.#options;
      if (mostBytes !== undefined) await makeRoom(this.folder, missingBytes, mostBytes);
      await requireDiskSpace(folder, missingBytes);
      return growing;
    } catch (thrown) {
      await growing[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  /** A shard that was found or made is not needed any more. */
  async letGo(shard: Shard): Promise<void> {
    const mark = this.#marks.get(shard);
    this.#marks.delete(shard);
    if (mark !== undefined) await rm(mark, { force: true });
  }

  /** Lets all shards go. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#marks.keys()].map(async (shard) => await this.letGo(shard)));
  }

  /** What came of a shard earlier, where nobody fills it any more, becomes this process's. */
  async #takeOver(id: string, into: string): Promise<void> {
    for (const { kind, shardId, isUsed, path } of await storeEntries(this.folder)) {
      if (kind !== 'partial' || shardId !== id || isUsed) continue;
      const taken = await rename(path, into).then(
        () => true,
        // Another process took it first.
        () => false,
      );
      if (taken) return;
    }
  }

  async #publish(identity: ShardIdentity, { folder, manifest }: Shard): Promise<Shard> {
    const place = this.place(identity);
    const mark = markOf(ownTag());
    try {
      await writeFile(join(folder, mark), '');
      await rename(folder, place);
    } catch (thrown) {
      const found = await this.find(identity);
      if (found === undefined) throw writeError(place, thrown);
      await rm(folder, { recursive: true, force: true });
      return found;
    }
    const shard = { folder: place, manifest };
    this.#marks.set(shard, join(place, mark));
    return shard;
  }
}

/** @returns whether there is a folder for it. @throws CutpointError CUT_FILE_WRITE */
async function wasMarked(mark: string): Promise<boolean> {
  try {
    await writeFile(mark, '');
    return true;
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return false;
    throw writeError(mark, thrown);
  }
}

/** @throws CutpointError CUT_PACKAGE if the shard in a folder is not the one, or a file of it is not what it should be; CUT_CANCELLED. */
async function readSound(folder: string, identity: ShardIdentity, signal?: CancelSignal): Promise<ShardManifest> {
  const path = join(folder, shardManifestName);
  const manifest = checkShardManifest(await parsed(path), path);
  const changed =
    shardId(manifest) === shardId(identity) ? await changedFile(folder, manifest, signal) : shardManifestName;
  if (changed === undefined) return manifest;
  throw new CutpointError('CUT_PACKAGE', `${join(folder, changed)} is not what its hash says.`);
}

async function parsed(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new CutpointError('CUT_PACKAGE', `${path} cannot be read.`, { cause });
  }
}
