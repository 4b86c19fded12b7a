import { describe, expect, it } from 'vitest';
import { tally } from './tally.js';

const request = (sentMs: number, endedMs: number, way?: string, right = true) => ({ sentMs, endedMs, way, right });

describe('what a load came to', () => {
  it('counts what was lost and wrong, the longest silence, and the ways', () => {
    const outcomes = [
      request(0, 10, 'a > b'),
      request(50, 300, 'a > c'),
      request(100, 2100),
      request(150, 160, 'a > b', false),
    ];
    expect(tally(outcomes)).toEqual({
      sent: 4,
      answered: 3,
      lost: 1,
      wrong: 1,
      longestGapMs: 150,
      medianMs: 10,
      ways: [
        { way: 'a > b', answered: 2 },
        { way: 'a > c', answered: 1 },
      ],
    });
  });

  it('is nothing where nothing was sent', () => {
    expect(tally([])).toMatchObject({ sent: 0, lost: 0, longestGapMs: 0, medianMs: undefined, ways: [] });
  });
});
