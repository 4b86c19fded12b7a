import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Cut } from './cuts.js';
import { notableCuts } from './notable-cuts.js';

const cut = (index: number, bytes: number, frontWeightBytes: number): Cut => ({
  index,
  position: index,
  name: `node${index}`,
  tensors: [],
  bytes,
  frontNodes: index,
  frontWeightBytes,
});

/** Cuts of a model: any bytes, weights that only grow, and nothing that crosses the last one. */
const anyCuts = fc
  .array(fc.record({ bytes: fc.integer({ min: 1, max: 1000 }), weight: fc.nat(50) }), { minLength: 3, maxLength: 60 })
  .map((nodes) => {
    let weights = 1;
    return nodes.map(({ bytes, weight }, index) => {
      weights += weight;
      return cut(index, index === nodes.length - 1 ? 0 : bytes, weights);
    });
  });

describe('notable cuts', () => {
  it('has the ends and the worst, in order and each once', () => {
    fc.assert(
      fc.property(anyCuts, (cuts) => {
        const shown = notableCuts(cuts);
        const indices = shown.map(({ index }) => index);
        expect(indices).toEqual([...new Set(indices)].sort((a, b) => a - b));
        expect(shown).toEqual(expect.arrayContaining([cuts[0], cuts.at(-1)]));
        const worst = Math.max(...cuts.slice(1, -1).map(({ bytes }) => bytes));
        expect(shown.slice(1).some(({ bytes }) => bytes === worst)).toBe(true);
        expect(shown.length).toBeLessThanOrEqual(11);
      }),
    );
  });

  it('has the cheapest cut of each eighth of the weights', () => {
    const cuts = Array.from({ length: 17 }, (_, index) => cut(index, 100 + index, index * 10));
    expect(notableCuts(cuts).map(({ index }) => index)).toEqual([0, 1, 2, 4, 6, 8, 10, 12, 14, 15, 16]);
  });
});
