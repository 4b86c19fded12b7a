import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bitsByLoss, bitsByRank, layerWidths } from './allocate-bits.js';

const mean = fc.double({ min: 2, max: 8, noNaN: true });

describe('widths by importance', () => {
  it('are the wide one for the most important layers, as many as the mean allows', () => {
    expect(bitsByRank([0.1, 0.9, 0.5, 0.2], 3)).toEqual([2, 4, 4, 2]);
    expect(bitsByRank([0.1, 0.9, 0.5, 0.2], 6)).toEqual([4, 8, 8, 4]);
    expect(bitsByRank([3, 1, 2], 4)).toEqual([4, 4, 4]);
    expect(bitsByRank([1, 1, 1], 2.7)).toEqual([4, 2, 2]);
  });

  it('never exceed the mean, and come within one layer of it', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ noNaN: true }), { minLength: 1, maxLength: 40 }), mean, (importance, most) => {
        const bits = bitsByRank(importance, most);
        const spent = bits.reduce<number>((sum, width) => sum + width, 0);
        expect(spent).toBeLessThanOrEqual(importance.length * most + 1e-6);
        expect(spent).toBeGreaterThan(importance.length * most - 4 - 1e-6);
      }),
    );
  });

  it.each([1.9, 8.1, Number.NaN])('refuse a mean of %d', (meanBits) => {
    expect(() => bitsByRank([1], meanBits)).toThrow(expect.objectContaining({ code: 'CUT_USAGE' }));
    expect(() => bitsByLoss([[1, 1, 1]], meanBits)).toThrow(expect.objectContaining({ code: 'CUT_USAGE' }));
  });
});

describe('widths by loss', () => {
  it('lose as little as any that keep to the mean', () => {
    const losses = fc.array(fc.tuple(fc.nat(1000), fc.nat(1000), fc.nat(1000)), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(losses, mean, (layers, most) => {
        const bits = bitsByLoss(layers, most);
        expect(bits.reduce<number>((sum, width) => sum + width, 0)).toBeLessThanOrEqual(layers.length * most + 1e-6);
        const lossOf = (chosen: readonly number[]) =>
          chosen.reduce((sum, width, layer) => sum + (layers[layer]?.[layerWidths.indexOf(width as 2)] ?? 0), 0);
        let least = Number.POSITIVE_INFINITY;
        for (const all of everyChoice(layers.length)) {
          const spent = all.reduce((sum, width) => sum + width, 0);
          if (spent <= layers.length * most + 1e-9) least = Math.min(least, lossOf(all));
        }
        expect(lossOf(bits)).toBe(least);
      }),
    );
  });

  it('are those of equal losses where losses fall by a constant factor per bit', () => {
    // Two bits more for a sixteenth of the loss: with these factors each layer loses the same at 2, 4 and 8 bits.
    const losses = [1, 16, 4096].map((factor) => layerWidths.map((width) => factor * 4 ** -width));
    expect(bitsByLoss(losses, 14 / 3)).toEqual([2, 4, 8]);
  });
});

function* everyChoice(layers: number): Generator<number[]> {
  if (layers === 0) {
    yield [];
    return;
  }
  for (const rest of everyChoice(layers - 1)) for (const width of layerWidths) yield [width, ...rest];
}
