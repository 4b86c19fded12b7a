import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CancelSignal, throwIfCancelled } from '@cutpoint/core';
import type { PackagePart } from '@cutpoint/llm';
import { type ShardManifest, shardManifestName } from './shard-manifest.js';

/** A line for each file of a shard, as it was when its hash was last found right: so large files are not read at each start. */
const recordName = 'checked';

/**
 * A file of a shard that is not what its hash says, or cannot be read; undefined if all are as they should be.
 * What was hashed before and has the same length, times and inode is not hashed again.
 * @throws CutpointError CUT_CANCELLED
 */
export async function changedFile(
  folder: string,
  manifest: ShardManifest,
  signal?: CancelSignal,
): Promise<string | undefined> {
  const record = await readFile(join(folder, recordName), 'utf8').catch(() => undefined);
  const known = new Set(record?.split('\n'));
  if (record !== undefined && !known.has(await manifestLine(folder))) return shardManifestName;
  let hashes = 0;
  for (const part of partsOf(manifest)) {
    const line = await partLine(folder, part).catch(() => undefined);
    if (line !== undefined && known.has(line)) continue;
    const hash = await hashOf(join(folder, part.path), signal).catch(() => undefined);
    throwIfCancelled(signal);
    if (hash !== part.sha256) return part.path;
    hashes++;
  }
  if (hashes > 0) await recordChecked(folder, manifest);
  return undefined;
}

/** Says that the files are what their hashes say, as of those that were hashed on their way to the disk. */
export async function recordChecked(folder: string, manifest: ShardManifest): Promise<void> {
  const parts = await Promise.all(partsOf(manifest).map(async (part) => await partLine(folder, part)));
  await writeFile(join(folder, recordName), [await manifestLine(folder), ...parts, ''].join('\n'));
}

/** SHA-256 of a file. @throws CutpointError CUT_CANCELLED; what reading throws. */
export async function hashOf(path: string, signal?: CancelSignal): Promise<string> {
  const hash = createHash('sha256');
  for await (const bytes of createReadStream(path, { highWaterMark: 1 << 20 })) {
    throwIfCancelled(signal);
    hash.update(bytes);
  }
  return hash.digest('hex');
}

function partsOf({ halves, head }: ShardManifest): PackagePart<string>[] {
  return [...halves, ...(head === null ? [] : [head])];
}

async function manifestLine(folder: string): Promise<string> {
  return `${shardManifestName} ${await hashOf(join(folder, shardManifestName))}`;
}

async function partLine(folder: string, { path, sha256 }: PackagePart<string>): Promise<string> {
  const { size, mtimeNs, ctimeNs, ino } = await stat(join(folder, path), { bigint: true });
  return [path, sha256, size, mtimeNs, ctimeNs, ino].join(' ');
}
