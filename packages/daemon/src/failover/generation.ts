import { CutpointError } from '@cutpoint/core';
import type { Meta } from '@cutpoint/wire';

/**
 * Refuses a request that was made under an older deployment than this device acts on. A request that names no
 * generation, or a device that acts on none, is not judged.
 * @throws CutpointError CUT_STALE, CUT_INPUT if what the request names is no generation.
 */
export function checkGeneration({ generation }: Meta, current: number | undefined): void {
  if (generation === undefined || generation === null) return;
  if (typeof generation !== 'number' || !Number.isSafeInteger(generation) || generation < 0) {
    throw new CutpointError('CUT_INPUT', 'The generation in the request is none: it must be a whole number from 0 on.');
  }
  if (current === undefined || generation >= current) return;
  const message = `The request belongs to generation ${generation}, but this device acts on ${current}: ask again under that.`;
  throw new CutpointError('CUT_STALE', message);
}
