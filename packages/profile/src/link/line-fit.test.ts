import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fitErrorPct, fitLine } from './line-fit.js';

const sizes = [0, 0, 0, 1e5, 1e5, 1e5, 2e5, 2e5, 4e5, 4e5, 4e5, 8e5, 8e5, 8e5];

it('finds the line of exact samples, whichever it is', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 500, noNaN: true }),
      fc.double({ min: 1e4, max: 1e9, noNaN: true }),
      (fixedMs, bytesPerS) => {
        const samples = sizes.map((bytes) => ({ bytes, ms: fixedMs + (bytes / bytesPerS) * 1000 }));
        const line = fitLine(samples);
        expect(line.msPerByte * bytesPerS).toBeCloseTo(1000, 3);
        expect(line.fixedMs).toBeCloseTo(fixedMs, 4);
        expect(fitErrorPct(samples, line)).toBeLessThan(0.01);
      },
    ),
  );
});

it('is not led astray by three wild samples in fourteen', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat({ max: sizes.length - 1 }), { minLength: 3, maxLength: 3 }), (wild) => {
      const samples = sizes.map((bytes, i) => ({ bytes, ms: 10 + bytes / 1e4 + (wild.includes(i) ? 300 : 0) }));
      const { fixedMs, msPerByte } = fitLine(samples);
      expect(msPerByte * 1e4).toBeGreaterThan(0.8);
      expect(msPerByte * 1e4).toBeLessThan(1.3);
      expect(Math.abs(fixedMs - 10)).toBeLessThan(15);
    }),
  );
});

it('gives a rate even where more bytes seem to take less time', () => {
  expect(
    fitLine([
      { bytes: 0, ms: 2 },
      { bytes: 1000, ms: 1 },
    ]).msPerByte,
  ).toBeGreaterThan(0);
});
