import { CutpointError } from '@cutpoint/core';
import type { RankGroup } from '../group/rank-group.js';

type Values = Float32Array<ArrayBuffer>;

/**
 * Replaces values by their sum over all ranks, as `RankGroup.allReduce` does, but every part goes to rank 0, which finds the one
 * that holds what is no finite number. Slow: two hops, and every number is looked at. One at a time.
 * @throws CutpointError CUT_RANK_LOST naming the rank; CUT_RUN if it is rank 0 itself
 */
export async function checkedSum(group: RankGroup, values: Values): Promise<void> {
  if (group.rank > 0) {
    group.contribute(values);
    const sum = await group.nextBroadcast(values.byteLength);
    if (sum.length !== values.byteLength)
      throw group.giveUp(0, `a sum of ${values.length} numbers came as ${sum.length} bytes`);
    values.set(new Float32Array(sum.buffer, sum.byteOffset, values.length));
    return;
  }
  const parts = await group.collect(new Array<number>(group.ranks - 1).fill(values.length));
  if (!allFinite(values)) {
    const message = 'What this machine (rank 0) adds to a sum is no finite number: the model or its memory is damaged.';
    throw new CutpointError('CUT_RUN', message);
  }
  for (const [i, part] of parts.entries()) {
    if (!allFinite(part)) throw group.giveUp(i + 1, 'what it adds to a sum is no finite number');
    for (const [at, value] of part.entries()) values[at] = (values[at] ?? 0) + value;
  }
  group.broadcast(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}

export function allFinite(values: Float32Array): boolean {
  // A sum in f64 of finite f32 numbers is finite.
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] ?? 0;
  return Number.isFinite(sum);
}
