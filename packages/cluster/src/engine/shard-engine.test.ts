import type { CacheKind, DecoderConfig } from '@cutpoint/llm';
import { DecoderRange, randomContent } from '@cutpoint/llm';
import { describe, expect, it } from 'vitest';
import {
  randomFloats,
  randomNumbers,
  type TemporaryPackage,
  temporaryPackage,
} from '../../../llm/src/decode/random-package.testing.js';
import { smallFamilies } from '../../../llm/src/decode/small-families.testing.js';
import { smallConfig } from '../../../llm/src/package/small-decoder.testing.js';
import { memoryGroups } from '../group/memory-group.testing.js';
import { type Division, divide } from '../shard/division.js';
import { openEngines } from './open-engines.testing.js';

const random = randomNumbers(11);
const tokens = 13;

describe.each(Object.entries(smallFamilies))('the ranks of %s', (_, config) => {
  it.each([
    ['one', divide(config, [1], 16)],
    ['two', { ...divide(config, [1, 1], 16), vocabulary: [24, 40] }],
    ['two that are uneven, by query heads', { heads: [3, 1], ffnColumns: [16, 32], vocabulary: [64, 0] }],
    [
      'three, one without any of the vocabulary',
      { heads: [1, 2, 1], ffnColumns: [16, 16, 16], vocabulary: [40, 0, 24] },
    ],
  ] as const)('give the logits of the whole decoder: %s', async (_name, division) => {
    await using made = await temporaryPackage(randomFloats(config, 5));
    const [is, should] = await bothWays(made, division, 'f32');
    expect(distance(is, should)).toBeLessThan(2e-6);
  });
});

describe('shards of weights in blocks', () => {
  const wide: DecoderConfig = { ...smallConfig, hiddenSize: 128, headSize: 32, ffnSize: 384, vocabularySize: 100 };
  const division: Division = { heads: [1, 3], ffnColumns: [160, 224], vocabulary: [33, 67] };

  it.each([4, 8, 16] as const)(
    'of %i bits give about the logits of the whole, where they begin inside a block too',
    async (bits) => {
      await using made = await temporaryPackage(randomContent('wide', wide, bits, 128));
      const [is, should] = await bothWays(made, division, 'f32');
      // Activations are rounded to 8 bits by blocks, and the blocks are others.
      expect(distance(is, should)).toBeLessThan(bits === 16 ? 1e-5 : 0.03);
    },
  );

  it.each([
    ['f16', 1e-3],
    ['8', 0.03],
  ] as const)('keep caches in %s, a run of heads at a time', async (cache, most) => {
    await using made = await temporaryPackage(randomFloats(smallConfig, 5));
    const [is, should] = await bothWays(made, { heads: [3, 1], ffnColumns: [24, 24], vocabulary: [32, 32] }, cache);
    expect(distance(is, should)).toBeLessThan(most);
  });
});

/** Logits of all tokens, by the ranks of a division and by one decoder: a prompt in two chunks, then token by token. */
async function bothWays(made: TemporaryPackage, division: Division, cache: CacheKind): Promise<[number[], number[]]> {
  const { config } = made.manifest;
  const hidden = Float32Array.from({ length: tokens * config.hiddenSize }, () => random() - 0.5);
  const passes = [
    [0, 6],
    [6, 10],
    [10, 11],
    [11, 12],
    [12, 13],
  ] as const;
  const chunk = ([from, to]: readonly [number, number]) =>
    hidden.slice(from * config.hiddenSize, to * config.hiddenSize);

  const whole = { from: 0, to: config.layers, head: true };
  await using decoder = await DecoderRange.open(made.folder, made.manifest, whole);
  const sequence = decoder.sequence();
  const should: number[] = [];
  for (const pass of passes) should.push(...(await decoder.forward(sequence, chunk(pass), { logits: 'all' })).data);

  const engines = await openEngines(made, division, memoryGroups(division.heads.length), cache);
  const caches = engines.map((engine) => engine.cache());
  const is: number[] = [];
  for (const pass of passes) {
    const rows = Array.from({ length: pass[1] - pass[0] }, (_, row) => row);
    const parts = await Promise.all(
      engines.map((engine, rank) => engine.pass(caches[rank] ?? engine.cache(), chunk(pass), rows)),
    );
    for (const row of rows) {
      for (const [rank, part] of parts.entries()) {
        const own = division.vocabulary[rank] ?? 0;
        is.push(...part.subarray(row * own, (row + 1) * own));
      }
    }
  }
  for (const engine of engines) await engine.release();
  return [is, should];
}

/** Root of the mean squared difference, as a share of the mean size. */
function distance(is: readonly number[], should: readonly number[]): number {
  expect(is.length).toBe(should.length);
  const size = Math.hypot(...should);
  return Math.hypot(...should.map((value, i) => value - (is[i] ?? 0))) / size;
}
