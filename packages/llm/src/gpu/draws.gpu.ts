import { CutpointError } from '@cutpoint/core';
import { openGpu } from '@cutpoint/gpu';
import { expect, it } from 'vitest';
import { drawOnGpu, largestOnGpu, noToken } from '../../../gpu/src/decoder/draw-on-gpu.testing.js';
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

  it.each([
    { temperature: 1, topK: 2 ** 32 + 1 },
    { temperature: 1, topK: Number.MAX_SAFE_INTEGER },
    { temperature: 1, topP: 1e-46 },
    { temperature: 1, topP: Number.MIN_VALUE, topK: 3 },
    { temperature: 1e-40 },
    { temperature: 1e-46, topP: 0.5 },
    { temperature: 1, minP: 1 },
    { temperature: 1, minP: 1e-46 },
  ])('are those that the CPU draws where f32 or u32 do not hold what is asked for: %j', async (changes) => {
    const sampling = samplingOf({ seed: 5, ...changes });
    const alike = logitsOf(3);
    for (const id of [2_000, 17, 900]) alike[id] = 99;
    const rows = Array.from({ length: 16 }, (_, i) => (i < 8 ? alike : logitsOf(i)));
    const texts = rows.map((_, i) => Array.from({ length: i + 1 }, () => 1));
    const due = rows.map((row, i) => sampleToken(row, texts[i] ?? [], i + 1, sampling));
    expect(await drawn(rows, texts, sampling)).toEqual(due);
  });

  it.each([
    { temperature: 0, repetitionPenalty: 1.5 },
    { temperature: 1 },
    { temperature: 0.5, topK: 3, topP: 0.5, minP: 0.1, repetitionPenalty: 1.5 },
    { temperature: 1, topP: 0.9, repetitionPenalty: 1e-37 },
  ])('are none where the CPU chooses none: %j', async (changes) => {
    const sampling = samplingOf({ seed: 5, ...changes });
    const texts = unusual.map(() => [77, 78]);
    const due = unusual.map((row) => chosenOr(noToken, () => sampleToken(row, [77, 78], 2, sampling)));
    expect(due).toContain(noToken);
    expect(await drawn(unusual, texts, sampling)).toEqual(due);
  });

  it('are none where the CPU chooses none, greedily', async () => {
    const due = unusual.map((row) => chosenOr(noToken, () => sampleToken(row, [], 0, samplingOf({}))));
    expect(due).toContain(noToken);
    expect(await largestOnGpu(gpu, unusual)).toEqual(due);
  });
});

const { NaN: none, POSITIVE_INFINITY: above, NEGATIVE_INFINITY: below } = Number;
const forbidden = new Float32Array(size).fill(below);
/** Rows of which no token can be chosen, and some that are near to that. */
const unusual: readonly Float32Array[] = [
  ...[none, above, below].map((value) => logitsOf(1).with(77, value)),
  forbidden,
  ...[none, above, -3.402_823e38, 3.402_823e38, 0].map((value) => forbidden.with(78, value)),
  forbidden.with(5, -0).with(2_900, 0),
];

function chosenOr(other: number, choose: () => number): number {
  try {
    return choose();
  } catch (thrown) {
    if (thrown instanceof CutpointError && thrown.code === 'CUT_RUN') return other;
    throw thrown;
  }
}

function largest(row: Float32Array, count: number): number[] {
  return [...row.keys()].sort((a, b) => (row[b] ?? 0) - (row[a] ?? 0)).slice(0, count);
}
