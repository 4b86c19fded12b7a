import { join } from 'node:path';
import { CancelSource, CutpointError } from '@cutpoint/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cachedHeadBytes, cacheKinds } from '../graph/cache-kind.js';
import { smallConfig } from '../package/small-decoder.testing.js';
import { Decoder } from './decoder.js';
import { DecoderRange } from './decoder-range.js';
import { randomFloats, type TemporaryPackage, temporaryPackage } from './random-package.testing.js';

const whole = { from: 0, to: 2, head: true };
const text = [5, 9, 33, 2, 60, 17, 8, 41, 3, 3, 28];

/** Tokens of one pass see one another unrounded, so in a narrow cache logits depend a little on how a text was cut into passes. */
const tolerances = { f32: 1e-4, f16: 2e-3, '8': 0.05 };

describe.each(cacheKinds)('a decoder in a worker with a cache in %s', (cache) => {
  let made: TemporaryPackage;
  let decoder: Decoder;
  const near = (a: Float32Array, b: Float32Array) =>
    a.length === b.length && a.every((value, i) => Math.abs(value - (b[i] ?? 0)) < tolerances[cache]);

  beforeAll(async () => {
    made = await temporaryPackage(randomFloats(smallConfig, 11));
    decoder = await Decoder.open(made.folder, made.manifest, { chunkTokens: 4, cache });
  });

  afterAll(async () => {
    await decoder[Symbol.asyncDispose]();
    await made[Symbol.asyncDispose]();
  });

  const fresh = async (tokens: readonly number[]) => await decoder.logits(decoder.layers.sequence(), tokens);

  it('says what its caches take', async () => {
    await using own = await Decoder.open(made.folder, made.manifest, { cache });
    const { layers, kvHeads, headSize } = smallConfig;
    const step = layers * 2 * kvHeads * 256 * cachedHeadBytes(cache, headSize);
    const [a, b] = [own.sequence(), own.sequence()];
    await own.logits(a, text);
    expect(own.layers.cacheBytes).toBe(step);
    await own.logits(b, text);
    expect(own.layers.cacheBytes).toBe(2 * step);
    own.drop(b);
    own.truncate(a, 1);
    await own.logits(a, [1]);
    expect(own.layers.cacheBytes).toBe(step);
  });

  it('gives the logits of as many of the last tokens as are wanted, in whatever chunks they run', async () => {
    const all = await decoder.logits(decoder.sequence(), text, { logits: 'all' });
    const { vocabularySize } = smallConfig;
    for (let wanted = 1; wanted <= text.length + 1; wanted++) {
      const found = await decoder.logits(decoder.sequence(), text, { logits: wanted });
      const rows = Math.min(wanted, text.length);
      expect(near(found, all.subarray(all.length - rows * vocabularySize))).toBe(true);
    }
  });

  it('goes on from where a sequence was cut back to', async () => {
    const { layers } = decoder;
    const sequence = layers.sequence();
    await decoder.logits(sequence, [...text, 50, 51, 52]);
    layers.truncate(sequence, 6);
    expect(near(await decoder.logits(sequence, text.slice(6)), await fresh(text))).toBe(true);
  });

  it('copies the beginning of a sequence, and both go on by themselves', async () => {
    const { layers } = decoder;
    const sequence = layers.sequence();
    await decoder.logits(sequence, text);
    const branch = layers.clone(sequence, 5);
    const [own, other] = await Promise.all([decoder.logits(sequence, [20]), decoder.logits(branch, [30, 31])]);
    expect(near(own, await fresh([...text, 20]))).toBe(true);
    expect(near(other, await fresh([...text.slice(0, 5), 30, 31]))).toBe(true);
    expect(near(own, other)).toBe(false);
  });

  it('keeps several sequences apart', async () => {
    const { layers } = decoder;
    const [a, b] = [layers.sequence(), layers.sequence()];
    await Promise.all([decoder.logits(a, [1, 2, 3]), decoder.logits(b, [4, 5])]);
    const [atA, atB] = await Promise.all([decoder.logits(a, [6]), decoder.logits(b, [7])]);
    expect(near(atA, await fresh([1, 2, 3, 6]))).toBe(true);
    expect(near(atB, await fresh([4, 5, 7]))).toBe(true);
    layers.drop(a);
    layers.drop(b);
  });

  it('leaves a sequence as it was when a pass is cancelled', async () => {
    const sequence = decoder.layers.sequence();
    await decoder.logits(sequence, text);
    const source = new CancelSource();
    const long = Array.from({ length: 100 }, (_, i) => i % 64);
    const cancelled = decoder.logits(sequence, long, { signal: source });
    setTimeout(() => source.abort(new CutpointError('CUT_CANCELLED', 'Enough.')), 1);
    await expect(cancelled).rejects.toMatchObject({ code: 'CUT_CANCELLED', message: 'Enough.' });
    expect(near(await decoder.logits(sequence, [20]), await fresh([...text, 20]))).toBe(true);
  });

  it('leaves a sequence as it was whenever a pass of one token is cancelled', async () => {
    const sequence = decoder.layers.sequence();
    await decoder.logits(sequence, text);
    for (let turns = 0; turns < 40; turns++) {
      const source = new CancelSource();
      const pass = decoder.logits(sequence, [33], { signal: source }).then(
        () => 'done',
        () => 'cancelled',
      );
      for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
      source.abort(new CutpointError('CUT_CANCELLED', 'Enough.'));
      if ((await pass) === 'done') decoder.truncate(sequence, text.length);
    }
    expect(near(await decoder.logits(sequence, [20]), await fresh([...text, 20]))).toBe(true);
  });

  it('refuses what is longer than the context, and tokens that do not exist', async () => {
    const sequence = decoder.layers.sequence();
    await expect(decoder.logits(sequence, Array(129).fill(1))).rejects.toMatchObject({ code: 'CUT_INPUT' });
    await expect(decoder.logits(sequence, [64])).rejects.toMatchObject({ code: 'CUT_INPUT' });
    await expect(decoder.layers.forward(sequence, new Float32Array(31))).rejects.toMatchObject({ code: 'CUT_INPUT' });
    expect(near(await decoder.logits(sequence, text), await fresh(text))).toBe(true);
  });

  it('rejects what is pending when it is closed, and everything after', async () => {
    const closed = await Decoder.open(made.folder, made.manifest);
    const pending = closed.logits(closed.layers.sequence(), text).then(
      () => 'done',
      (error: CutpointError) => error.code,
    );
    await closed.layers.dispose();
    expect(['done', 'CUT_DISPOSED']).toContain(await pending);
    await expect(closed.logits(1, [1])).rejects.toMatchObject({ code: 'CUT_DISPOSED' });
    await closed[Symbol.asyncDispose]();
  });

  it('says what is wrong with a range, an option or a file before it opens', async () => {
    const open = (range: typeof whole, options = {}) =>
      DecoderRange.open(made.folder, made.manifest, range, options).then(
        () => 'opened',
        (error: CutpointError) => error.code,
      );
    expect(await open({ from: 1, to: 3, head: false })).toBe('CUT_ILLEGAL_CUT');
    expect(await open({ from: 0, to: 1, head: true })).toBe('CUT_ILLEGAL_CUT');
    expect(await open(whole, { threads: 0 })).toBe('CUT_USAGE');
    expect(await open(whole, { cache: '4' })).toBe('CUT_USAGE');
    const full = DecoderRange.open(made.folder, made.manifest, whole, { freeBytes: async () => 1000 });
    await expect(full).rejects.toMatchObject({ code: 'CUT_MEMORY', message: expect.stringMatching(/ MB at least/) });
    const elsewhere = DecoderRange.open(join(made.folder, 'layers'), made.manifest, whole);
    await expect(elsewhere).rejects.toMatchObject({ code: 'CUT_EXTERNAL_DATA' });
  });
});
