import type { RankReport } from '@cutpoint/cluster';
import { expect, it } from 'vitest';
import { type ClusterSummary, clusterText } from './cluster-text.js';
import { WaitCount } from './wait-count.js';

const spent = { syncMs: 900, sentBytes: 1, receivedBytes: 1, window: null };
const here: RankReport = { ...spent, rank: 'here', weightsBytes: 2e8, peakRssBytes: 5e8, computeMs: 1500, waitMs: 20 };
const other: RankReport = {
  ...spent,
  rank: 'tcp://pi-1:7410',
  weightsBytes: 9e7,
  peakRssBytes: null,
  computeMs: 900,
  waitMs: 700,
};
const summary: ClusterSummary = {
  text: 'a b',
  tokens: [1, 2],
  promptTokens: [1],
  ttftMs: 100,
  decodeTokensPerSecond: 10,
  prefillTokensPerSecond: 10,
  perToken: { computeMs: 60, syncMs: 40, waitMs: 10, bytes: 1000 },
  ranks: [here, other],
};

it('shows the ranks as a table, with the peak memory of those that could be asked', () => {
  const [, perToken, ...rows] = clusterText(summary).trimEnd().split('\n');
  expect(perToken).toBe('per token: 60 ms compute, 40 ms with other ranks (10 ms of it waiting), 1 KB');
  expect(rows).toEqual([
    'rank  address          weights  peak memory  compute  waiting',
    '0     here              200 MB       500 MB   1.50 s    20 ms  the slowest',
    '1     tcp://pi-1:7410    90 MB      unknown   0.90 s   700 ms',
  ]);
});

it('counts what was waited for behind the first pass, also when ranks were brought together anew', () => {
  const waits = new WaitCount();
  for (const waitedMs of [100, 130, 150, 20]) waits.pass(waitedMs);
  expect(waits.perTokenMs(4)).toBeCloseTo(70 / 3);
});
