import { describe, expect, it } from 'vitest';
import { randomNumbers } from '../decode/random-package.testing.js';
import { leastLossScale } from './least-loss-scale.js';
import { dequantiseRows, quantiseRows } from './quantise-rows.js';

const random = randomNumbers(5);

describe('the scale that loses least', () => {
  it('is never worse than the one that keeps the largest element, and finds multiples again', () => {
    for (const bits of [2, 4, 8] as const) {
      for (let round = 0; round < 50; round++) {
        const values = Float32Array.from({ length: 32 }, () => (random() - 0.5) ** 3);
        const importance = Float32Array.from({ length: 32 }, random);
        const form = { bits, block: 32, zeroPoints: false } as const;
        const loss = (weights?: Float32Array) =>
          dequantiseRows(quantiseRows(values, 32, form, weights), 1, 32, form).reduce(
            (sum, value, i) => sum + (importance[i] ?? 0) * (value - (values[i] ?? 0)) ** 2,
            0,
          );
        expect(loss(importance)).toBeLessThanOrEqual(loss() * 1.000001);
      }
      const exact = Float32Array.from({ length: 32 }, (_, i) => ((i % 2 ** bits) - 2 ** (bits - 1)) * 0.25);
      expect(Math.abs(leastLossScale(exact, new Float32Array(32).fill(1), bits))).toBeCloseTo(0.25, 5);
    }
    expect(leastLossScale(new Float32Array(32), new Float32Array(32).fill(1), 4)).toBe(0);
  });
});
