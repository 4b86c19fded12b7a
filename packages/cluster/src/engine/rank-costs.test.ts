import { expect, it } from 'vitest';
import { costLength, RankCosts } from './rank-costs.js';

it('adds up what ranks say they spent, and counts as nothing what cannot be', () => {
  const costs = new RankCosts(RankCosts.memory(2));
  const said = (...numbers: number[]) => Float32Array.from({ length: costLength }, (_, i) => numbers[i] ?? 0);
  costs.add(1, said(1, 2, 3, 4, 5));
  costs.add(1, said(Number.NaN, -1, Number.POSITIVE_INFINITY, 1e16, 6));
  costs.add(1, []);
  expect(costs.read()).toEqual([
    { computeMs: 0, waitMs: 0, syncMs: 0, sentBytes: 0, receivedBytes: 0 },
    { computeMs: 1, waitMs: 2, syncMs: 3, sentBytes: 4, receivedBytes: 11 },
  ]);
});

it('shows windows as they were last, and nothing of them that cannot be', () => {
  const costs = new RankCosts(RankCosts.memory(1));
  costs.add(0, [0, 0, 0, 0, 0, 2, 100, 1, 1, 1, 1]);
  costs.add(0, [0, 0, 0, 0, 0, Number.NaN, -5, 3, 1e300, 4, 5]);
  expect(costs.windows()).toEqual([{ slots: 0, streamedBytes: 0, readMs: 3, openMs: 0, busyMs: 4, waitMs: 5 }]);
});
