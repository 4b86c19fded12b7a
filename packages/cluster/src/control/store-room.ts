import { readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CutpointError } from '@cutpoint/core';
import { isMarked, ownTag, type StoreEntry, storeEntries } from './store-entries.js';

interface MeasuredEntry extends StoreEntry {
  readonly bytes: number;
  /** When it was last begun or ended to be used. */
  readonly usedMs: number;
}

/**
 * Removes from a store what nobody uses, least lately used first, until so many bytes more fit.
 * @param mostBytes what the store may take.
 * @throws CutpointError CUT_DISK_FULL, before anything is removed, if what is in use leaves no room.
 */
export async function makeRoom(store: string, bytes: number, mostBytes: number): Promise<void> {
  const entries = await Promise.all((await storeEntries(store)).map(measured));
  const usedBytes = sumOf(entries.filter(({ isUsed }) => isUsed));
  if (usedBytes + bytes > mostBytes) throw noRoom(store, bytes, usedBytes, mostBytes);
  let overBytes = sumOf(entries) + bytes - mostBytes;
  for (const entry of entries.filter(({ isUsed }) => !isUsed).toSorted((a, b) => a.usedMs - b.usedMs)) {
    if (overBytes <= 0) return;
    if (await removeUnless(isMarked, entry.path)) overBytes -= entry.bytes;
  }
}

/**
 * Removes a folder of a store, unless it is to be kept: what is moved aside first is not begun to be used meanwhile.
 * @returns whether it is gone.
 */
export async function removeUnless(isKept: (folder: string) => Promise<boolean>, folder: string): Promise<boolean> {
  const [shardId] = basename(folder).split('.');
  const aside = join(dirname(folder), `${shardId}.${ownTag()}.removed`);
  await rename(folder, aside);
  if (await isKept(aside)) {
    await rename(aside, folder);
    return false;
  }
  await rm(aside, { recursive: true, force: true });
  return true;
}

/** Bytes of all files below a folder; 0 if it is not there. */
export async function folderBytes(folder: string): Promise<number> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const sizes = files
    .filter((file) => file.isFile())
    .map(async ({ parentPath, name }) => (await stat(join(parentPath, name)).catch(() => undefined))?.size ?? 0);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

async function measured(entry: StoreEntry): Promise<MeasuredEntry> {
  const found = await stat(entry.path).catch(() => undefined);
  return { ...entry, bytes: await folderBytes(entry.path), usedMs: found?.mtimeMs ?? 0 };
}

function sumOf(entries: readonly MeasuredEntry[]): number {
  return entries.reduce((sum, { bytes }) => sum + bytes, 0);
}

function noRoom(store: string, bytes: number, usedBytes: number, mostBytes: number): CutpointError {
  const mb = (value: number) => `${Math.ceil(value / 1e6)} MB`;
  const message = `A shard takes ${mb(bytes)} more, but the shards in ${store} may take ${mb(mostBytes)}, of which ${mb(usedBytes)} are in use: raise --shards-mb.`;
  return new CutpointError('CUT_DISK_FULL', message);
}
