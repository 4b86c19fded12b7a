import type { Draw } from '@cutpoint/gpu';
import { randomAt } from '../text/counter-random.js';
import type { Sampling } from '../text/sampling.js';

/**
 * How a GPU draws the token behind a text, and those behind each token of a draft as if all before it were right: as `sampleToken`, with
 * the same random numbers.
 */
export function drawsFor(text: readonly number[], draft: readonly number[], sampling: Sampling): readonly Draw[] {
  const { seed, repetitionPenalty } = sampling;
  const seen = repetitionPenalty === 1 ? undefined : new Set(text);
  return Array.from({ length: draft.length + 1 }, (_, i) => {
    const last = draft[i - 1];
    if (last !== undefined) seen?.add(last);
    return { ...sampling, random: randomAt(seed, text.length + i), history: Uint32Array.from(seen ?? []) };
  });
}
