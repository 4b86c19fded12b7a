import { availableParallelism } from 'node:os';
import { CutpointError } from '@cutpoint/core';

/**
 * Checks that each thread of an operator has a core: those that have none keep the others waiting, and heartbeats.
 * @throws CutpointError CUT_USAGE
 */
export function requireCores(threads: number): void {
  const cores = availableParallelism();
  if (threads <= cores) return;
  const message = `--threads is ${threads}, but this machine has ${cores === 1 ? 'one core' : `${cores} cores`}: state ${cores} at most.`;
  throw new CutpointError('CUT_USAGE', message);
}
