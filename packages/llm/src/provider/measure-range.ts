import { type CancelSignal, median, tensorOf } from '@cutpoint/core';
import type { ProviderMeasurement } from '@cutpoint/runtime';
import type { RangeDecoder } from '../decode/range-decoder.js';
import { randomAt } from '../text/counter-random.js';

const promptTokens = 16;
/** Steps of one token behind the prompt; the first compiles kernels. */
const mostSteps = 6;
const enoughMs = 2_000;

/**
 * Times the steps of a text through layers: what each of its tokens takes. Hidden states go in that are random, but the same each time.
 * @throws CutpointError as `RangeDecoder.forward`.
 */
export async function measureRange(range: RangeDecoder, signal: CancelSignal): Promise<ProviderMeasurement> {
  const { hiddenSize } = range.config;
  const states = (tokens: number, from: number) =>
    Float32Array.from({ length: tokens * hiddenSize }, (_, i) => 2 * randomAt(1, from * hiddenSize + i) - 1);
  const sequence = range.sequence();
  const prompt = await range.forward(sequence, states(promptTokens, 0), { logits: 'all', signal });
  const outputs = new Map([['prompt', tensorOf('f32', [prompt.data.length], prompt.data)]]);
  const times: number[] = [];
  const startMs = performance.now();
  for (let step = 0; step <= mostSteps; step++) {
    const beganMs = performance.now();
    const { data } = await range.forward(sequence, states(1, promptTokens + step), { signal });
    if (step === 0) outputs.set('step', tensorOf('f32', [data.length], data));
    else times.push(performance.now() - beganMs);
    if (times.length > 0 && performance.now() - startMs > enoughMs) break;
  }
  range.drop(sequence);
  return { ms: median(times), outputs };
}
