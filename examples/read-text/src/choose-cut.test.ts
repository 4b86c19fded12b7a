import { describe, expect, it } from 'vitest';
import { chooseCut } from './choose-cut.js';

const cutsOf = (...bytes: number[]) => bytes.map((count, index) => ({ index, bytes: count }));

describe('the cut that the demo chooses', () => {
  it('is the first of those that the fewest bytes cross, and never an end', () => {
    expect(chooseCut(cutsOf(1, 30, 20, 20, 0)).index).toBe(2);
  });

  it('does not exist where a model has no cut inside', () => {
    expect(() => chooseCut(cutsOf(1, 0))).toThrow(/no cut between/);
  });
});
