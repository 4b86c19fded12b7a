import { expect, it } from 'vitest';
import { agreeRules } from './agree-rules.js';
import { always, sharedOptions, withGroups } from './socket-groups.testing.js';

it.each([2, 3, 5])('%i ranks measure all their links and then sum in the same way', async (ranks) => {
  await withGroups(sharedOptions(ranks, always('star')), async (groups) => {
    const [first, ...others] = await Promise.all(groups.map((group) => agreeRules(group, [1024, 1 << 20])));
    expect(others).toEqual(others.map(() => undefined));
    for (let a = 0; a < ranks; a++) {
      for (let b = a + 1; b < ranks; b++) {
        const pair = first?.measures.pairs[a]?.[b];
        expect(pair?.roundTripMs).toBeGreaterThan(0);
        expect(pair?.bytesPerMs).toBeGreaterThan(0);
      }
    }
    expect(first?.choice.rules.length).toBeGreaterThan(0);
    const sums = groups.map(() => new Float32Array(300).fill(1));
    await Promise.all(groups.map((group, rank) => group.allReduce(sums[rank] ?? new Float32Array(0))));
    for (const sum of sums) expect(sum).toEqual(new Float32Array(300).fill(ranks));
  });
});
