import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Mean } from './mean.js';

describe('a running mean', () => {
  it('is what its definition says, with the standard error of the mean', () => {
    const numbers = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 2, maxLength: 50 });
    fc.assert(
      fc.property(numbers, (values) => {
        const running = new Mean();
        for (const value of values) running.add(value);
        const mean = values.reduce((a, b) => a + b, 0) / values.length;
        const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
        expect(running.mean).toBeCloseTo(mean, 6);
        expect(running.stderr).toBeCloseTo(Math.sqrt(variance / values.length), 4);
      }),
    );
  });

  it('is not known of nothing, nor the error of one', () => {
    const running = new Mean();
    expect(running.mean).toBeNaN();
    running.add(0.1);
    expect(running.mean).toBe(0.1);
    expect(running.stderr).toBeNaN();
  });
});
