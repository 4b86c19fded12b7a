import { decodeCrossing, encodeCrossing } from '@cutpoint/codec';
import { f32Values, tensorOf } from '@cutpoint/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Decoder } from '../decode/decoder.js';
import { randomFloats, type TemporaryPackage, temporaryPackage } from '../decode/random-package.testing.js';
import { smallConfig } from '../package/small-decoder.testing.js';
import { hiddenName } from '../split/hidden-rows.js';
import { statesAtCuts } from './each-cut.js';
import { type CutEvaluationRequest, evaluateCut } from './evaluate-cut.js';
import { openHiddenCodec } from './hidden-codec.js';
import { leakOf } from './leak.js';
import { leakAtCuts } from './leak-at-cuts.js';
import { ownTexts } from './own-text.js';
import { perplexityOf } from './perplexity.js';
import { FrontSegment } from './segments.js';

const config = { ...smallConfig, layers: 3, attention: Array(3).fill(smallConfig.attention[0]) };
const context = 24;
const text = Array.from({ length: 60 }, (_, i) => 3 + ((i * i + 7 * i) % 61));

describe('a decoder that is cut in two', () => {
  let made: TemporaryPackage;
  let decoder: Decoder;
  let whole: number;

  beforeAll(async () => {
    made = await temporaryPackage(randomFloats(config, 5));
    decoder = await Decoder.open(made.folder, made.manifest);
    whole = (await perplexityOf(decoder, text, { context })).perplexity;
  });

  afterAll(async () => {
    await decoder[Symbol.asyncDispose]();
    await made[Symbol.asyncDispose]();
  });

  const evaluated = async (asked: Partial<CutEvaluationRequest>) =>
    await evaluateCut({ front: made, cut: 1, codec: 'raw', tokens: text, context, ...asked });

  it.each([
    { cut: 1, private: false },
    { cut: 2, private: false },
    { cut: 2, private: true },
    { cut: 0, private: true },
  ])('says what the whole says where nothing is lost: %j', async (place) => {
    const found = await evaluated(place);
    expect(found.perplexity).toBeCloseTo(whole, 4);
    expect(found).toMatchObject({ tokens: 57, codec: 'raw', bytesPerToken: 128, timesSmaller: 1 });
    expect(found.answerBytesPerToken).toBe(place.private ? 128 : null);
    expect(found.baseline.increasePercent).toBe(0);
  });

  it('loses by a codec, and tells its bytes token by token and by chunks', async () => {
    const found = await evaluated({ codec: 'affine:bits=2,per=token' });
    expect(found.baseline.perplexity).toBeCloseTo(whole, 4);
    expect(found.perplexity).not.toBeCloseTo(whole, 2);
    expect(found.baseline.increasePercent).toBeCloseTo(100 * (found.perplexity / whole - 1), 3);
    // Codes, scale and minimum of a token; a payload's header comes once for each.
    expect(found.promptBytesPerToken).toBeGreaterThan(8);
    expect(found.bytesPerToken).toBeGreaterThan(found.promptBytesPerToken + 4);
  });

  it('makes the table of a transform from texts, of the answers too', async () => {
    const calibrationTexts = () => ownTexts(decoder, { tokens: 200, context });
    const found = await evaluated({ codec: 'transform:step=0.05', private: true, calibrationTexts });
    expect(found.codec).toMatch(/^transform:table=[0-9a-f]{8}-cut1-step0\.05-[0-9a-f]{16}$/);
    expect(found.answerCodec).toMatch(/-cut3-step0\.05-/);
    expect(found.bytesPerToken).toBeLessThan(40);
    expect(Math.abs(found.baseline.increasePercent)).toBeLessThan(2);
    const other = await evaluated({
      codec: 'transform:step=0.05',
      private: true,
      answerCodec: 'f16',
      calibrationTexts,
    });
    expect(other).toMatchObject({ codec: found.codec, answerCodec: 'f16', answerBytesPerToken: 64 });
  });

  it('joins packages of one model, and refuses those of two', async () => {
    await using same = await temporaryPackage(randomFloats(config, 6));
    const found = await evaluated({ back: same });
    expect(found.perplexity).not.toBeCloseTo(whole, 2);
    await using different = await temporaryPackage(randomFloats(smallConfig, 6));
    await expect(evaluated({ back: different })).rejects.toMatchObject({ code: 'CUT_PACKAGE' });
  });

  it('refuses cuts, codecs and windows that there are not', async () => {
    await expect(evaluated({ cut: 3 })).rejects.toMatchObject({ code: 'CUT_ILLEGAL_CUT' });
    await expect(evaluated({ cut: 0 })).rejects.toMatchObject({ code: 'CUT_ILLEGAL_CUT' });
    await expect(evaluated({ codec: 'zip' })).rejects.toMatchObject({ code: 'CUT_USAGE' });
    await expect(evaluated({ codec: 'transform:step=x' })).rejects.toMatchObject({ code: 'CUT_USAGE' });
    await expect(evaluated({ codec: 'transform:table=none' })).rejects.toMatchObject({ code: 'CUT_CODEC_TABLE' });
    await expect(evaluated({ codec: 'transform:step=0.3' })).rejects.toMatchObject({ code: 'CUT_CODEC' });
    await expect(evaluated({ context: 1 })).rejects.toMatchObject({ code: 'CUT_USAGE' });
  });

  it('gives the hidden states of all cuts, one layer at a time', async () => {
    for await (const { cut, hidden } of statesAtCuts(made, [text.slice(0, 20), text.slice(20, 33)], 2)) {
      await using front = await FrontSegment.open(made, { cut });
      const [first, second] = [await front.hiddenOf(text.slice(0, 20)), await front.hiddenOf(text.slice(20, 33))];
      expect(distance(hidden[0], first)).toBeLessThan(1e-5);
      expect(distance(hidden[1], second)).toBeLessThan(1e-5);
    }
  });

  it('gives all tokens away before its first layer, fewer behind others, and none in a constant', async () => {
    await using front = await FrontSegment.open(made, { cut: 0 });
    const embedded = await front.hiddenOf(text);
    const { embedding } = decoder;
    const { vocabularySize, hiddenSize } = config;
    expect(await leakOf(embedding, vocabularySize, embedded, text)).toMatchObject({ cosine: 1, tokens: 60 });
    const constant = new Float32Array(text.length * hiddenSize).fill(0.5);
    expect((await leakOf(embedding, vocabularySize, constant, text)).cosine).toBeLessThan(0.2);
    const leaks = await leakAtCuts({ package: made, tokens: text, context });
    expect(leaks.map(({ cut }) => cut)).toEqual([1, 2]);
    const [one] = await leakAtCuts({ package: made, tokens: text, context, cut: 2, codec: 'affine:bits=2,per=token' });
    expect(one?.cut).toBe(2);
    expect(one?.cosine).toBeLessThanOrEqual(1);
  });

  it('finds tokens that a constant hides once the mean is taken away', async () => {
    await using front = await FrontSegment.open(made, { cut: 0 });
    const shifted = (await front.hiddenOf(text)).map((value, i) => value + (i % config.hiddenSize === 3 ? 50 : 0));
    const found = await leakOf(decoder.embedding, config.vocabularySize, shifted, text);
    expect(found.cosine).toBeLessThan(0.2);
    expect(found.centredCosine).toBeGreaterThan(0.8);
  });

  it('writes the same texts of its own each time', async () => {
    const texts = await ownTexts(decoder, { tokens: 100, context });
    expect(texts.map(({ length }) => length)).toEqual([24, 24, 24, 24, 24]);
    expect(await ownTexts(decoder, { tokens: 100, context })).toEqual(texts);
    expect(new Set(texts.map(String)).size).toBe(5);
  });
});

describe('hidden states that cross a cut', () => {
  const rows = Float32Array.from({ length: 5 * 32 }, (_, i) => Math.sin(i * i) * (1 + (i % 32)));

  it.each(['raw', 'f16', 'affine:bits=4,per=token', 'ts-tabq:delta=1e-2'])(
    'are those of a chunk under %s, which looks at each token by itself',
    (spec) => {
      const codec = openHiddenCodec(spec, 32);
      const { hidden, bytes } = codec.crossRows(rows);
      const chunk = encodeCrossing(new Map([[hiddenName, tensorOf('f32', [5, 32], rows)]]), spec);
      const arrived = decodeCrossing(chunk, spec, new Map([[hiddenName, 'f32']])).get(hiddenName);
      expect(hidden).toEqual(arrived && f32Values(arrived));
      expect(codec.chunkBytes(rows)).toBe(chunk.get(hiddenName)?.data.byteLength);
      expect(codec.chunkBytes(rows)).toBeLessThanOrEqual(bytes);
    },
  );
});

function distance(a: Float32Array | undefined, b: Float32Array): number {
  return Math.max(...b.map((value, i) => Math.abs(value - (a?.[i] ?? Infinity))));
}
