import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';

/** What lies in a folder beside another: files that are not complete yet, or a layer in floats that text runs through. */
export type BesideKind = 'partial' | 'calibrating';

/**
 * Makes a folder beside another, for what is needed until that is complete, and removes what processes left of such that were
 * killed. Its name says whose it is.
 * @returns its path. Throws as `mkdir` does.
 */
export async function makeFolderBeside(folder: string, kind: BesideKind): Promise<string> {
  await removeLeftovers(folder);
  const made = `${resolve(folder)}.${process.pid}-${randomUUID().slice(0, 8)}.${kind}`;
  await mkdir(made, { recursive: true });
  return made;
}

/** A folder of this machine's process that lives stays as it is. */
async function removeLeftovers(folder: string): Promise<void> {
  const parent = dirname(resolve(folder));
  const prefix = `${basename(resolve(folder))}.`;
  for (const name of await readdir(parent).catch(() => [])) {
    if (!name.startsWith(prefix)) continue;
    const [, pid] = /^(\d+)-[0-9a-f]{8}\.(?:partial|calibrating)$/.exec(name.slice(prefix.length)) ?? [];
    if (pid !== undefined && !isRunning(Number(pid))) await rm(join(parent, name), { recursive: true, force: true });
  }
}

/** Whether a process of this machine is there. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    // Another user's process may not be signalled, but is there.
    return !(thrown instanceof Error && 'code' in thrown && thrown.code === 'ESRCH');
  }
}
