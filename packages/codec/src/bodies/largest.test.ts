import fc from 'fast-check';
import { expect, it } from 'vitest';
import { largest } from './largest.js';

const magnitudes = fc.oneof(
  fc.double({ min: 0, noNaN: true }).map(Math.abs),
  fc.constantFrom(0, 1, Infinity, 2 ** -1074, 1 + 2 ** -52),
);

it('the number of a rank is the one that sorting puts there', () => {
  fc.assert(
    fc.property(fc.array(magnitudes, { minLength: 1, maxLength: 200 }), fc.nat(), (list, any) => {
      const rank = 1 + (any % list.length);
      const sorted = Float64Array.from(list).sort();
      expect(largest(Float64Array.from(list), rank)).toBe(sorted[list.length - rank]);
    }),
  );
});
