import { describe, expect, it } from 'vitest';
import { agreeRules } from './agree-rules.js';
import { Faults } from './faults.js';
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

describe('measuring links', () => {
  it('ends at its deadline, and names the rank that was waited for', async () => {
    const memory = Faults.memory(2);
    await withGroups({ ...sharedOptions(2, always('mesh')), faults: new Faults(memory) }, async ([zero]) => {
      // Rank 1 stands still.
      const [told] = await Promise.allSettled([zero && agreeRules(zero, [1024], undefined, 400)]);
      expect(told).toMatchObject({
        reason: {
          code: 'CUT_RANK_LOST',
          message: expect.stringMatching(/^Rank 1 is lost: ranks had 400 ms to measure/),
        },
      });
      expect(new Faults(memory).read()).toEqual([1]);
    });
  });

  it.each([
    ['infinite', Number.POSITIVE_INFINITY],
    ['no number', Number.NaN],
    ['nothing', 0],
  ])('names the rank whose measures are %s', async (_, bytesPerMs) => {
    await withGroups(sharedOptions(3, always('mesh')), async ([zero, one, two]) => {
      if (one === undefined) throw new Error('A rank is missing.');
      const contribute = one.contribute.bind(one);
      one.contribute = (measures) => contribute(measures.fill(bytesPerMs, measures.length - 1));
      const [told] = await Promise.allSettled([zero, one, two].map((group) => group && agreeRules(group, [1024])));
      expect(told).toMatchObject({
        reason: { code: 'CUT_RANK_LOST', message: 'Rank 1 is lost: what it measured cannot be.' },
      });
    });
  });
});
