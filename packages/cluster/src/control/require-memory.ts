import { CutpointError } from '@cutpoint/core';
import { freeMemoryBytes } from '@cutpoint/llm/parts';

/**
 * Checks before long work that a shard's weights fit the free memory. What else a rank takes comes on top: who fits by a
 * hair may still be killed.
 * @throws CutpointError CUT_MEMORY
 */
export async function requireMemoryForShard(neededBytes: number): Promise<void> {
  const freeBytes = await freeMemoryBytes();
  if (neededBytes <= freeBytes) return;
  const mb = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
  const message = `Its shard takes ${mb(neededBytes)} of memory at least, but ${mb(freeBytes)} are free: give it a smaller share (--shares) or a window (--window), or add a rank.`;
  throw new CutpointError('CUT_MEMORY', message);
}
