import { expect, it } from 'vitest';
import { partnerOf } from './tournament.js';

it.each([1, 2, 3, 4, 5, 8, 31, 32])('%i ranks meet every other once, and one at a time', (ranks) => {
  const met = new Set<string>();
  for (let round = 0; round < ranks; round++) {
    for (let rank = 0; rank < ranks; rank++) {
      const partner = partnerOf(rank, round, ranks);
      if (partner === undefined) continue;
      expect(partner).not.toBe(rank);
      expect(partnerOf(partner, round, ranks)).toBe(rank);
      expect(met.has(`${rank} ${partner}`)).toBe(false);
      met.add(`${rank} ${partner}`);
    }
  }
  expect(met.size).toBe(ranks * (ranks - 1));
});
