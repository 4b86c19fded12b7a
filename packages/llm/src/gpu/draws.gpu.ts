import { openGpu } from '@cutpoint/gpu';
import { expect, it } from 'vitest';
import { drawOnGpu } from '../../../gpu/src/decoder/draw-on-gpu.testing.js';
import { describeOnGpu } from '../../../gpu/src/gpus.testing.js';
import { randomAt } from '../text/counter-random.js';
import { type Sampling, sampleToken, samplingOf } from '../text/sampling.js';
import { drawsFor } from './draws.js';

const size = 3_001;

/** Logits as models have them: a few stand out. */
function logitsOf(seed: number): Float32Array {
  return Float32Array.from({ length: size }, (_, i) => {
    const [u, v] = [randomAt(seed, 2 * i), randomAt(seed, 2 * i + 1)];
    return 4 * Math.sqrt(-2 * Math.log(1 - u)) * Math.cos(2 * Math.PI * v);
  });
}

const ways: readonly (readonly [string, Partial<Sampling>])[] = [
  ['all tokens', { temperature: 1 }],
  ['a low temperature', { temperature: 0.2 }],
  ['top-k', { temperature: 1.3, topK: 40 }],
  ['top-k of one', { temperature: 1, topK: 1 }],
  ['top-p', { temperature: 1, topP: 0.9 }],
  ['min-p', { temperature: 1.2, minP: 0.05 }],
  ['a penalty, greedily', { temperature: 0, repetitionPenalty: 1.3 }],
  ['all of them', { temperature: 0.9, topK: 100, topP: 0.95, minP: 0.01, repetitionPenalty: 1.2 }],
];

await describeOnGpu('tokens drawn on a GPU', openGpu, (gpu) => {
  /** One token of each row of logits, drawn there. */
  const drawn = (rows: readonly Float32Array[], texts: readonly (readonly number[])[], sampling: Sampling) =>
    drawOnGpu(
      gpu,
      rows,
      texts.flatMap((text) => drawsFor(text, [], sampling)),
    );

  it.each(ways)('are those that the CPU draws, but for sums that tie within rounding: %s', async (_, changes) => {
    const sampling = samplingOf({ ...changes, seed: 11 });
    const count = 48;
    const rows = Array.from({ length: count }, (_unused, i) => logitsOf(100 + i));
    const texts = rows.map((row, i) => [
      ...largest(row, 5),
      ...Array.from({ length: i }, (_own, at) => (7 * at) % size),
    ]);
    const due = rows.map((row, i) => sampleToken(row, texts[i] ?? [], (texts[i] ?? []).length, sampling));
    const found = await drawn(rows, texts, sampling);
    const equal = found.filter((token, i) => token === due[i]).length;
    process.stderr.write(`${_}: ${equal} of ${count} tokens are the CPU's\n`);
    expect(equal).toBeGreaterThanOrEqual(count - 1);
  });

  it('keep the lower ids of equal logits, as the CPU does', async () => {
    const flat = new Float32Array(size).fill(-1);
    for (const id of [5, 900, 901, 2_999]) flat[id] = 2;
    for (const changes of [{ topK: 2 }, { topP: 0.4 }, { topK: 3, topP: 0.5 }, { topK: 3_000, topP: 0.1, minP: 0.2 }]) {
      const sampling = samplingOf({ temperature: 0.2, seed: 2, ...changes });
      const texts = Array.from({ length: 24 }, (_, i) => Array.from({ length: i + 1 }, () => 1));
      const due = texts.map((text) => sampleToken(flat, text, text.length, sampling));
      expect(
        await drawn(
          texts.map(() => flat),
          texts,
          sampling,
        ),
      ).toEqual(due);
    }
  });

  it('are none where a logit is no number, or the largest has no bound', async () => {
    const sampling = samplingOf({ temperature: 1, topK: 3 });
    const rows = [Number.NaN, Number.POSITIVE_INFINITY, 0].map((value) => logitsOf(1).with(77, value));
    const found = await drawn(rows, [[1], [1], [1]], sampling);
    expect(found.slice(0, 2)).toEqual([0xffff_ffff, 0xffff_ffff]);
    expect(found[2]).toBeLessThan(size);
  });
});

function largest(row: Float32Array, count: number): number[] {
  return [...row.keys()].sort((a, b) => (row[b] ?? 0) - (row[a] ?? 0)).slice(0, count);
}
