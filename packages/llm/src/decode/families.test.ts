import { describe, expect, it } from 'vitest';
import type { DecoderConfig } from '../architecture/decoder-config.js';
import { smallConfig } from '../package/small-decoder.testing.js';
import { randomContent } from '../synthesise/synthesise.js';
import { DecoderRange } from './decoder-range.js';
import { randomFloats, randomNumbers, type TemporaryPackage, temporaryPackage } from './random-package.testing.js';
import { referenceDecoder } from './reference-decoder.testing.js';
import { smallFamilies } from './small-families.testing.js';

const random = randomNumbers(7);
const tokens = Array.from({ length: 21 }, () => Math.floor(random() * smallConfig.vocabularySize));

describe.each(Object.entries(smallFamilies))('%s', (_, config) => {
  it('gives the hidden states and logits of a plain computation, however it is cut and chunked', async () => {
    await using made = await temporaryPackage(randomFloats(config, 3));
    const { states, logits } = referenceDecoder(made.folder, made.manifest, tokens);
    await using front = await open(made, { from: 0, to: 1, head: false }, 4);
    await using back = await open(made, { from: 1, to: 2, head: true }, 256);
    const hidden: number[] = [];
    const ends: number[] = [];
    const [atFront, atBack] = [front.sequence(), back.sequence()];
    // A prompt in chunks of 4 and one of 1, then token by token, then several at once behind a cache.
    for (const [from, to] of [
      [0, 9],
      [9, 10],
      [10, 11],
      [11, 21],
    ] as const) {
      const { data } = await front.forward(atFront, flat(states[0]?.slice(from, to) ?? []));
      hidden.push(...data);
      ends.push(...(await back.forward(atBack, data, { logits: 'all' })).data);
    }
    expect(distance(hidden, flat(states[1] ?? []))).toBeLessThan(1e-5);
    expect(distance(ends, flat(logits))).toBeLessThan(1e-5);
  });
});

describe.each([
  ['f16', 1e-3],
  ['8', 0.02],
] as const)('a cache in %s', (cache, most) => {
  it.each(['llama, grouped queries', 'gemma 3, one head of keys, two ropes, norms behind, gelu'])(
    'gives about the logits of a plain computation: %s',
    async (family) => {
      await using made = await temporaryPackage(randomFloats(smallFamilies[family] ?? smallConfig, 3));
      const { states, logits } = referenceDecoder(made.folder, made.manifest, tokens);
      const whole = { from: 0, to: 2, head: true };
      await using decoder = await DecoderRange.open(made.folder, made.manifest, whole, { cache });
      const sequence = decoder.sequence();
      const ends: number[] = [];
      for (const row of states[0] ?? []) ends.push(...(await decoder.forward(sequence, flat([row]))).data);
      const found = distance(ends, flat(logits));
      expect(found).toBeLessThan(most);
      // A cache that is not narrow at all would be closer.
      expect(found).toBeGreaterThan(1e-5);
    },
  );
});

const oneLayer: DecoderConfig = { ...smallConfig, layers: 1, attention: smallConfig.attention.slice(1) };

describe('weights in blocks', () => {
  it.each([
    [2, 0.03],
    [4, 0.03],
    [8, 0.03],
  ] as const)('of %i bits are multiplied with activations of 8 bits', async (bits, most) => {
    await using made = await temporaryPackage(randomContent('random', oneLayer, bits, 32));
    const { states, logits } = referenceDecoder(made.folder, made.manifest, tokens);
    await using decoder = await open(made, { from: 0, to: 1, head: true }, 256);
    const { data } = await decoder.forward(decoder.sequence(), flat(states[0] ?? []), { logits: 'all' });
    expect(distance(data, flat(logits))).toBeLessThan(most);
  });

  it('and floats of 16 bits serve as well', async () => {
    await using made = await temporaryPackage(randomContent('random', smallConfig, 16, 32));
    await using decoder = await open(made, { from: 0, to: 2, head: true }, 256);
    const { data } = await decoder.forward(decoder.sequence(), new Float32Array(smallConfig.hiddenSize).fill(1));
    expect(data.every(Number.isFinite)).toBe(true);
    expect(data.some((value) => Math.abs(value) > 0.1)).toBe(true);
  });
});

async function open(made: TemporaryPackage, range: { from: number; to: number; head: boolean }, chunkTokens: number) {
  return await DecoderRange.open(made.folder, made.manifest, range, { chunkTokens });
}

function flat(rows: readonly Float64Array[]): Float32Array<ArrayBuffer> {
  return Float32Array.from(rows.flatMap((row) => [...row]));
}

/** Root of the mean squared difference, as a share of the mean size. */
function distance(is: ArrayLike<number>, should: ArrayLike<number>): number {
  expect(is.length).toBe(should.length);
  let [difference, size] = [0, 0];
  for (let i = 0; i < should.length; i++) {
    difference += ((is[i] ?? 0) - (should[i] ?? 0)) ** 2;
    size += (should[i] ?? 0) ** 2;
  }
  return Math.sqrt(difference / size);
}
