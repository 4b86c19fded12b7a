import { describe, expect, it } from 'vitest';
import { faultyRanks } from './faulty-ranks.js';

describe('the ranks that sent what they must not', () => {
  it('are those that rank 0 blames, whatever these say', () => {
    expect(faultyRanks([2], [[], [1, 3], []])).toEqual([2]);
  });

  it('are those that ranks blame which nobody blames, where two are out of step with each other', () => {
    expect(faultyRanks([], [[2], [1], [2]])).toEqual([2]);
  });

  it('are all that are blamed, if nobody else blames them', () => {
    expect(faultyRanks([], [[2], [1], []])).toEqual([1, 2]);
  });

  it('are never rank 0, or ranks that there are not', () => {
    expect(faultyRanks([], [[0, 9], [0], []])).toEqual([]);
    expect(faultyRanks([], [])).toEqual([]);
  });
});
