import { CancelSource, CutpointError } from '@cutpoint/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { smallConfig } from '../package/small-decoder.testing.js';
import { DecoderRange } from './decoder-range.js';
import type { EmbeddingTable } from './embedding-table.js';
import { openEmbedding } from './open-embedding.js';
import { randomFloats, type TemporaryPackage, temporaryPackage } from './random-package.testing.js';

const front = { from: 0, to: 2, head: false };
const text = [5, 9, 33, 2, 60, 17, 8, 41, 3, 3, 28];

describe('layers without a cache', () => {
  let made: TemporaryPackage;
  let embedding: EmbeddingTable;
  let kept: DecoderRange;
  let recomputed: DecoderRange;

  beforeAll(async () => {
    made = await temporaryPackage(randomFloats(smallConfig, 11));
    embedding = await openEmbedding(made.folder, made.manifest);
    const open = (cache: 'f32' | 'none') =>
      DecoderRange.open(made.folder, made.manifest, front, { chunkTokens: 4, cache });
    [kept, recomputed] = await Promise.all([open('f32'), open('none')]);
  });

  afterAll(async () => {
    for (const resource of [kept, recomputed, embedding, made]) await resource[Symbol.asyncDispose]();
  });

  const rows = (tokens: readonly number[]) => embedding.rows(tokens);

  it('give the rows of the whole text as layers with one do, token by token', async () => {
    const sequence = kept.sequence();
    let lastRow = new Float32Array(0);
    for (const token of text) lastRow = (await kept.forward(sequence, await rows([token]))).data;
    for (const length of [1, 3, 4, 5, text.length]) {
      const { data } = await recomputed.forward(recomputed.sequence(), await rows(text.slice(0, length)));
      expect(data).toHaveLength(length * smallConfig.hiddenSize);
      if (length < text.length) continue;
      const last = data.slice(-smallConfig.hiddenSize);
      for (const [i, value] of last.entries()) expect(Math.abs(value - (lastRow[i] ?? Number.NaN))).toBeLessThan(1e-4);
    }
  });

  it('keep nothing of a sequence', async () => {
    const sequence = recomputed.sequence();
    const first = await recomputed.forward(sequence, await rows(text));
    const second = await recomputed.forward(sequence, await rows(text));
    expect(second.data).toEqual(first.data);
    expect(recomputed.cacheBytes).toBe(0);
  });

  it('refuse a text that is longer than the context', async () => {
    const long = Array.from({ length: smallConfig.contextTokens + 1 }, () => 1);
    const forward = recomputed.forward(recomputed.sequence(), await rows(long));
    await expect(forward).rejects.toMatchObject({ code: 'CUT_INPUT' });
  });

  it('end a cancelled pass, and run the next', async () => {
    const source = new CancelSource();
    const forward = recomputed.forward(recomputed.sequence(), await rows(text), { signal: source });
    source.abort(new CutpointError('CUT_CANCELLED', 'Enough.'));
    await expect(forward).rejects.toMatchObject({ code: 'CUT_CANCELLED' });
    await expect(recomputed.forward(recomputed.sequence(), await rows(text))).resolves.toBeDefined();
  });

  it('cannot have the head behind them', async () => {
    const open = DecoderRange.open(made.folder, made.manifest, { ...front, head: true }, { cache: 'none' });
    await expect(open).rejects.toMatchObject({ code: 'CUT_USAGE' });
  });
});
