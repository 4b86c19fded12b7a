import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CalibratedCodec, type Calibration, rateAccuracyFront, recommend } from './calibration.js';
import { calibrationOf, codecOf } from './calibration.testing.js';
import { paretoFront } from './front.js';
import { parseCalibration, parseScenario } from './parse.js';
import { problemOf } from './problem-of.js';
import { profileOf } from './profile.testing.js';

const anyCodecs = fc.array(
  fc.record({
    bytesPerSample: fc.nat({ max: 20 }),
    accuracyLoss: fc.nat({ max: 20 }).map((n) => n / 20),
    encodeMs: fc.nat({ max: 5 }),
    decodeMs: fc.nat({ max: 5 }),
  }),
  { minLength: 1, maxLength: 20 },
);

describe('the rate-accuracy front', () => {
  it('has exactly those that no other beats', () => {
    fc.assert(
      fc.property(anyCodecs, (codecs) => {
        const front = rateAccuracyFront(codecs);
        const sorted = [...front].sort(
          (a, b) => a.bytesPerSample - b.bytesPerSample || a.accuracyLoss - b.accuracyLoss,
        );
        for (const [i, { bytesPerSample, accuracyLoss }] of sorted.entries()) {
          const before = sorted[i - 1];
          if (before === undefined) continue;
          const equal = before.bytesPerSample === bytesPerSample && before.accuracyLoss === accuracyLoss;
          expect(equal || (before.bytesPerSample < bytesPerSample && before.accuracyLoss > accuracyLoss)).toBe(true);
        }
        for (const codec of codecs.filter((each) => !front.includes(each))) {
          const beaten = front.some(
            (other) => other.bytesPerSample <= codec.bytesPerSample && other.accuracyLoss <= codec.accuracyLoss,
          );
          expect(beaten).toBe(true);
        }
      }),
    );
  });

  it('holds what is recommended: the fewest bytes that lose no more than they may', () => {
    fc.assert(
      fc.property(anyCodecs, fc.double({ min: 0, max: 1, noNaN: true }), (codecs, maxLoss) => {
        const front = rateAccuracyFront(codecs);
        const found = recommend(front, maxLoss);
        const good = codecs.filter(({ accuracyLoss }) => accuracyLoss <= maxLoss);
        if (found === undefined) {
          expect(good).toEqual([]);
          return;
        }
        expect(front).toContain(found);
        expect(found.bytesPerSample).toBe(Math.min(...good.map(({ bytesPerSample }) => bytesPerSample)));
      }),
    );
  });
});

describe('planning with a calibration', () => {
  const scenario = parseScenario({
    name: 'pair',
    title: 'Two devices',
    devices: [
      { id: 'pi', slowDown: 4 },
      { id: 'server', role: 'server' },
    ],
    links: [{ from: 'pi', to: 'server', rateMbit: 1, delayMs: 1 }],
  });
  const shared = profileOf();
  const withCodecs = (codecs: readonly CalibratedCodec[], change: Partial<Calibration> = {}) =>
    problemOf({ scenario, profiles: { shared }, calibration: { ...calibrationOf(1, 'a', 9000, codecs), ...change } });

  it('uses what was measured at each cut, and nothing else there', () => {
    const problem = withCodecs([
      codecOf('raw', { bytesPerSample: 9000 }),
      codecOf('f16', { bytesPerSample: 5100, encodeMs: 3, decodeMs: 2, accuracyLoss: 0.01 }),
      codecOf('affine:bits=4', { bytesPerSample: 1200, encodeMs: 5, decodeMs: 1, accuracyLoss: 0.015 }),
    ]);
    expect(problem.codecs.map(({ id }) => id)).toEqual(['raw', 'f16', 'affine:bits=4']);
    const [, f16, affine] = problem.codecs;
    expect([f16?.bytes(0), f16?.bytes(1)]).toEqual([2000, 5100]);
    expect([f16?.encodeMs(1, 0), f16?.decodeMs(1, 1), f16?.accuracyLoss(1)]).toEqual([12, 2, 0.01]);
    expect([affine?.bytes(0), affine?.bytes(1), affine?.bytes(2)]).toEqual([undefined, 1200, undefined]);
  });

  it('chooses a codec for a cut by what it costs, and by what may be lost', () => {
    const problem = withCodecs([
      codecOf('f16', { bytesPerSample: 4500, accuracyLoss: 0.001 }),
      codecOf('small', { bytesPerSample: 100, accuracyLoss: 0.2 }),
      codecOf('slow', { bytesPerSample: 200, encodeMs: 1000, accuracyLoss: 0 }),
    ]);
    const best = (maxAccuracyLoss?: number) => {
      const { points } = paretoFront(problem, { objectives: ['latency'], limits: { maxAccuracyLoss } });
      return points[0]?.plans[0];
    };
    expect(best()).toMatchObject({ cuts: [1], codecs: ['small'] });
    expect(best(0.01)?.codecs).not.toContain('small');
    expect(best(0.01)?.codecs).not.toContain('slow');
  });

  it('refuses one of another model or of other cuts', () => {
    const codecs = [codecOf('f16', {})];
    const mismatch = expect.objectContaining({ code: 'CUT_PROFILE_MISMATCH' });
    const model = { name: 'other.onnx', hash: 'b'.repeat(64), dims: {} };
    expect(() => withCodecs(codecs, { model })).toThrow(mismatch);
    for (const { cuts } of [calibrationOf(1, 'b', 9000, codecs), calibrationOf(9, 'a', 9000, codecs)]) {
      expect(() => withCodecs(codecs, { cuts })).toThrow(mismatch);
    }
  });
});

describe('a file with a calibration', () => {
  const good = calibrationOf(1, 'a', 9000, [codecOf('raw', {}), codecOf('f16', {})]);
  const [cut] = good.cuts;

  it('reads back as it was', () => {
    expect(parseCalibration(JSON.parse(JSON.stringify(good)))).toEqual(good);
  });

  it.each([
    ['no calibration', {}],
    ['another version', { ...good, version: 2 }],
    ['unknown keys', { ...good, more: 1 }],
    ['a loss above 1', { ...good, cuts: [{ ...cut, codecs: [codecOf('raw', { accuracyLoss: 1.5 })] }] }],
    ['a codec twice', { ...good, cuts: [{ ...cut, codecs: [codecOf('raw', {}), codecOf('raw', {})] }] }],
    ['a cut twice', { ...good, cuts: [cut, cut] }],
    ['a recommendation that was not measured', { ...good, cuts: [{ ...cut, recommended: 'zip' }] }],
  ])('is refused with %s', (_, data) => {
    expect(() => parseCalibration(data)).toThrow(expect.objectContaining({ code: 'CUT_CALIBRATION' }));
  });
});
