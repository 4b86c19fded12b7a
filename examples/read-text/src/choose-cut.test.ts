import type { Cut } from '@cutpoint/graph';
import { describe, expect, it } from 'vitest';
import { chooseCut } from './choose-cut.js';

const cut = (index: number, bytes: number, frontWeightBytes: number): Cut => ({
  index,
  position: index,
  name: `node${index}`,
  tensors: [],
  bytes,
  frontNodes: index,
  frontWeightBytes,
});

describe('the cut that the demo chooses', () => {
  it('is the first of those that the fewest bytes cross, and never an end', () => {
    const cuts = [cut(0, 1, 0), cut(1, 30, 5), cut(2, 20, 6), cut(3, 20, 7), cut(4, 0, 9)];
    expect(chooseCut(cuts)).toBe(cuts[2]);
  });

  it('does not exist where a model has no cut inside', () => {
    expect(() => chooseCut([cut(0, 1, 0), cut(1, 0, 9)])).toThrow(/no cut between/);
  });
});
