import { expect, it } from 'vitest';
import { maxRestarts, RestartPolicy } from './restart-policy.js';

it('waits twice as long after each death of a minute, then gives up', () => {
  const policy = new RestartPolicy();
  const delays = Array.from({ length: maxRestarts + 1 }, (_, i) => policy.delayAfterDeath(i * 1000));
  expect(delays).toEqual([50, 100, 200, 400, 800, undefined]);
});

it('forgets deaths after a minute', () => {
  const policy = new RestartPolicy();
  for (let i = 0; i < 20; i++) expect(policy.delayAfterDeath(i * 60_000)).toBe(50);
});
