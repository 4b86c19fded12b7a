import { type LlmCalibration, llmFront, llmProblemOf, parseLlmCalibration } from '@cutpoint/plan';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomFloats, type TemporaryPackage, temporaryPackage } from '../decode/random-package.testing.js';
import { smallConfig } from '../package/small-decoder.testing.js';
import { calibrateLlm, type LlmCalibrationRequest, type MeasuredCalibration } from './calibrate.js';
import { splitTimes } from './layer-times.js';
import { widthsOf } from './width-package.js';

const tokens = Array.from({ length: 30 }, (_, i) => 3 + ((i * 5) % 60));
const device = {
  id: 'here',
  profile: {
    name: 'here',
    os: 'any',
    arch: 'any',
    cpu: 'any',
    cores: 1,
    memoryBytes: 1e9,
    instructionSets: [],
    providers: [],
    power: { source: 'stated' as const, idleW: 1, busyW: 2, networkW: 1 },
  },
};

describe('a calibration of a language model', () => {
  let first: TemporaryPackage;
  let second: TemporaryPackage;
  let request: LlmCalibrationRequest;
  let measured: MeasuredCalibration;
  const said: string[] = [];

  beforeAll(async () => {
    first = await temporaryPackage(randomFloats(smallConfig, 5));
    second = await temporaryPackage(randomFloats(smallConfig, 6));
    request = {
      packages: [first, second],
      text: { name: 'some text', tokens },
      context: 16,
      codecs: ['f16', 'transform:step=0.1'],
      private: true,
      caches: ['f32', '8'],
      lengths: [4, 16],
      calibrationTexts: async () => [tokens],
      device,
      threads: 1,
      chunkTokens: 16,
      onProgress: (what) => said.push(what),
    };
    measured = await calibrateLlm(request);
  });

  afterAll(async () => {
    await first[Symbol.asyncDispose]();
    await second[Symbol.asyncDispose]();
  });

  it('has every width before and behind each cut, with each codec, and both whole', () => {
    const { splits } = parseLlmCalibration(JSON.parse(JSON.stringify(measured.calibration)));
    // By kind of cache: two wholes for each of two widths; one cut with two times two widths, two codecs, private and not.
    expect(splits).toHaveLength(2 * (4 + 16));
    expect(splits.filter(({ cache }) => cache === '8')).toHaveLength(4 + 16);
    const whole = (width: string) =>
      splits.find(({ cut, frontWidth, cache }) => cut === 2 && frontWidth === width && cache === 'f32')?.perplexity;
    const cut = (before: string, behind: string, isPrivate: boolean) =>
      splits.find(
        ({ frontWidth, backWidth, codec, answerCodec, cache }) =>
          cache === 'f32' &&
          frontWidth === before &&
          backWidth === behind &&
          codec === 'f16' &&
          (answerCodec !== null) === isPrivate,
      );
    for (const width of ['f32', 'f32-2']) {
      expect(cut(width, width, false)?.perplexity).toBeCloseTo(whole(width) ?? 0, 0);
      expect(cut(width, width, true)).toMatchObject({ upBytes: 64, downBytes: 64, answerCodec: 'f16' });
    }
    expect(cut('f32', 'f32-2', false)?.perplexity).not.toBeCloseTo(whole('f32') ?? 0, 1);
    const specs = [...measured.tables].map(([name, { cut: at }]) => ({ spec: `transform:table=${name}`, at }));
    expect(specs.map(({ at }) => at).sort()).toEqual([1, smallConfig.layers]);
    const [ahead, back] = specs.sort((a, b) => a.at - b.at).map(({ spec }) => spec);
    expect(new Set(splits.filter(({ codec }) => codec === ahead).map(({ answerCodec }) => answerCodec))).toEqual(
      new Set([null, back]),
    );
  });

  it('has times of every layer and codec, and memory', () => {
    const { devices, model } = measured.calibration;
    const [found] = devices;
    expect(Object.keys(found?.layers ?? {})).toEqual(['f32', 'f32-2']);
    for (const times of Object.values(found?.layers ?? {})) {
      expect(times).toHaveLength(2);
      for (const { decodeMs, prefillMs } of times) {
        expect(Object.keys(decodeMs).sort()).toEqual(['8', 'f32']);
        const rows = [...Object.values(decodeMs), prefillMs];
        expect(rows.map(({ length }) => length)).toEqual([2, 2, 2]);
        expect(rows.flat().every((ms) => ms > 0)).toBe(true);
      }
    }
    // f16, and a table for each way.
    expect(Object.keys(found?.codecs ?? {})).toHaveLength(3);
    expect(found?.memory.baseBytes).toBeGreaterThan(30e6);
    expect(found?.memory.perWeightByte).toBe(1);
    expect(model).toMatchObject({ name: 'random', layers: 2, cacheBytes: { f32: 256, '8': 80 }, cacheStepTokens: 256 });
    expect(said.some((line) => line.includes('memory of the tokenizer'))).toBe(true);
  });

  it('is what plans are made of', () => {
    const calibration = measured.calibration as LlmCalibration;
    const link = { id: 'link', up: { fixedMs: 1, bytesPerS: 1e6 }, down: { fixedMs: 1, bytesPerS: 1e6 } };
    const sources = { calibration, agent: 'here', remote: { side: 'here', link }, promptTokens: 4, lengthTokens: 16 };
    const front = llmFront(llmProblemOf({ ...sources, private: true }));
    expect(front.points.length).toBeGreaterThan(0);
    expect(front.skipped).toEqual([]);
    const all = front.points.flatMap(({ plans }) => [...plans]);
    expect(all.every(({ cut, answerCodec }) => cut === 2 || answerCodec !== null)).toBe(true);
  });

  it('can be cancelled, and refuses cuts, lengths and packages that do not fit', async () => {
    const stop = new AbortController();
    const cancelled = calibrateLlm({ ...request, signal: stop.signal, onProgress: () => stop.abort() });
    await expect(cancelled).rejects.toMatchObject({ code: 'CUT_CANCELLED' });
    await expect(calibrateLlm({ ...request, cuts: [2] })).rejects.toMatchObject({ code: 'CUT_ILLEGAL_CUT' });
    await expect(calibrateLlm({ ...request, lengths: [129] })).rejects.toMatchObject({ code: 'CUT_USAGE' });
    await expect(calibrateLlm({ ...request, packages: [] })).rejects.toMatchObject({ code: 'CUT_USAGE' });
    await using other = await temporaryPackage(randomFloats({ ...smallConfig, ffnSize: 32 }, 1));
    expect(() => widthsOf([first, other])).toThrow(expect.objectContaining({ code: 'CUT_PACKAGE' }));
  });
});

describe('times of single layers', () => {
  it('are those of layers in ranges that all take some time more', () => {
    const ranges = fc.record({
      own: fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 2, maxLength: 12 }),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(ranges, ({ own, share }) => {
        const every = share * 5;
        const sum = own.reduce((total, ms) => total + ms, 0);
        const { single, everyRangeMs } = splitTimes(
          sum + every,
          own.map((ms) => ms + every),
        );
        expect(everyRangeMs).toBeCloseTo(every, 6);
        expect(single.reduce((total, ms) => total + ms, 0)).toBeCloseTo(sum + every, 6);
        for (const [i, ms] of own.slice(1, -1).entries()) expect(single[i + 1]).toBeCloseTo(ms, 6);
      }),
    );
  });

  it('add up to the whole whatever noise says', () => {
    const times = fc.array(fc.double({ min: 0.01, max: 10, noNaN: true }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(times, fc.double({ min: 0.01, max: 100, noNaN: true }), (alone, all) => {
        const { single } = splitTimes(all, alone);
        expect(single.every((ms) => ms >= 0)).toBe(true);
        const sum = single.reduce((total, ms) => total + ms, 0);
        expect(sum).toBeCloseTo(all, 6);
      }),
    );
  });
});
