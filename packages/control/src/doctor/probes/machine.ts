import { constants } from 'node:fs';
import { access, readdir, stat, statfs } from 'node:fs/promises';
import { freemem, totalmem } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { systemReason } from '@cutpoint/core';
import type { FolderFacts } from '../machine-checks.js';

/** Memory that a program could have now. */
export function memoryFacts(): { freeBytes: number; totalBytes: number } {
  return { freeBytes: process.availableMemory?.() ?? freemem(), totalBytes: totalmem() };
}

/** What can be written to a folder; one that does not exist yet is judged by the nearest that does. */
export async function folderFacts(folder: string): Promise<FolderFacts> {
  let nearest = resolve(folder);
  while (nearest !== dirname(nearest) && (await isMissing(nearest))) nearest = dirname(nearest);
  try {
    const { bavail, bsize } = await statfs(nearest);
    const problem = await access(nearest, constants.W_OK | constants.X_OK).then(() => undefined, systemReason);
    return { folder, freeBytes: bavail * bsize, problem };
  } catch (thrown) {
    return { folder, freeBytes: 0, problem: systemReason(thrown) };
  }
}

/** Files with secrets, as they are called in state folders. */
const secret = /(identity\.json|authority\.pem|key\.pem|\.key|\.db|token)$/;
const maxFiles = 10_000;

/** Counts the files with secrets under a folder, and names those that others can read or change. */
export async function keyFacts(folder: string): Promise<{ found: number; open: readonly string[] }> {
  if (await isMissing(folder)) return { found: 0, open: [] };
  const names = (await readdir(folder, { recursive: true })).slice(0, maxFiles).filter((name) => secret.test(name));
  const open: string[] = [];
  let found = 0;
  for (const name of names) {
    const path = join(folder, name);
    const facts = await stat(path);
    if (!facts.isFile()) continue;
    found++;
    // Windows has no such mode bits.
    if (process.platform !== 'win32' && (facts.mode & 0o077) !== 0) open.push(path);
  }
  return { found, open };
}

function isMissing(path: string): Promise<boolean> {
  return stat(path).then(
    () => false,
    ({ code }: NodeJS.ErrnoException) => code === 'ENOENT',
  );
}
