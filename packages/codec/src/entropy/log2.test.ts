import fc from 'fast-check';
import { expect, it } from 'vitest';
import { log2Of } from './log2.js';

it('is log2 in 1/256, at most two of these too small', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 31 - 1 }), (number) => {
      const exact = Math.log2(number) * 256;
      expect(log2Of(number)).toBeLessThanOrEqual(exact + 1e-6);
      expect(log2Of(number)).toBeGreaterThan(exact - 2);
    }),
  );
});

it('is exact for powers of two', () => {
  for (let power = 0; power < 31; power++) expect(log2Of(2 ** power)).toBe(power * 256);
});
