import { CutpointError } from '@cutpoint/core';

/** What the segments of an assignment take, by the SHA-256 of their files: a segment is loaded once. */
export interface MemoryNeed {
  readonly hash: string;
  readonly memoryBytes: number;
}

/**
 * Makes sure that what has to be loaded fits beside what is loaded already.
 * @throws CutpointError CUT_MEMORY with the numbers.
 */
export function checkMemory(name: string, needs: readonly MemoryNeed[], freeBytes: number): void {
  const each = new Map(needs.map(({ hash, memoryBytes }) => [hash, memoryBytes]));
  const needBytes = [...each.values()].reduce((sum, bytes) => sum + bytes, 0);
  if (needBytes <= freeBytes) return;
  const message = `The deployment ${name} needs ${megabytes(needBytes)} on this device, but ${megabytes(freeBytes)} are free.`;
  throw new CutpointError('CUT_MEMORY', message);
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
