import { describe, expect, it } from 'vitest';
import { median, quantile } from './statistics.js';

describe('quantile', () => {
  it('takes the value at that share of the sorted list, whatever the order', () => {
    expect(median([5, 1, 3])).toBe(3);
    expect(quantile([10, 9, 8, 7, 6, 5, 4, 3, 2, 1], 1)).toBe(10);
    expect(quantile([7], 0)).toBe(7);
    expect(median([])).toBeNaN();
  });

  it('lies between neighbours where no value is at the place', () => {
    expect(median([1, 2, 3, 10])).toBe(2.5);
    expect(quantile([0, 10], 0.9)).toBe(9);
  });
});
