import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isRunning } from '@cutpoint/llm/parts';

/** What lies in the folder of a store. */
export interface StoreEntry {
  /** `removed`: moved aside to be removed. */
  readonly kind: 'shard' | 'partial' | 'removed';
  readonly shardId: string;
  readonly path: string;
  /** Whether a process that lives computes with it, fills or removes it. */
  readonly isUsed: boolean;
}

const entryName = /^([0-9a-f]{64})(?:(?:\.(\d+)-[0-9a-f]{8})?\.(partial|removed))?$/;
const markName = /^used\.(\d+)-[0-9a-f]{8}$/;

/** Tells what is this process's from what is others'. */
export function ownTag(): string {
  return `${process.pid}-${randomUUID().slice(0, 8)}`;
}

/** The name of a file in a shard's folder, which says that this process uses it. */
export function markOf(tag: string): string {
  return `used.${tag}`;
}

export async function storeEntries(folder: string): Promise<StoreEntry[]> {
  const entries: StoreEntry[] = [];
  for (const name of await namesIn(folder)) {
    const [, shardId, pid, kind = 'shard'] = entryName.exec(name) ?? [];
    if (shardId === undefined || !isKind(kind)) continue;
    const path = join(folder, name);
    const isUsed = kind === 'shard' ? await isMarked(path) : pid !== undefined && isRunning(Number(pid));
    entries.push({ kind, shardId, path, isUsed });
  }
  return entries;
}

/** Whether a process that lives says that it uses the shard in a folder. */
export async function isMarked(folder: string): Promise<boolean> {
  return (await namesIn(folder)).some((name) => {
    const pid = markName.exec(name)?.[1];
    return pid !== undefined && isRunning(Number(pid));
  });
}

function isKind(text: string): text is StoreEntry['kind'] {
  return text === 'shard' || text === 'partial' || text === 'removed';
}

/** None of a folder that is not there, or no longer. */
async function namesIn(folder: string): Promise<string[]> {
  return await readdir(folder).catch(() => []);
}
