import { expect, it } from 'vitest';
import { eightDevices } from './eight.testing.js';
import { clusterFront } from './front.js';

it.each([
  ['roomy', 20e9, true],
  ['of 1.6 GB, where weights stream', 1.6e9, undefined],
] as const)('eight devices %s and 80 layers are planned in under 2 s', (_, memoryBytes, isExact) => {
  const tries = Array.from({ length: 3 }, () => {
    const startedAt = performance.now();
    const front = clusterFront(eightDevices(memoryBytes, 0.5));
    return { ms: performance.now() - startedAt, front };
  });
  expect(tries[0]?.front.points[0]?.kind).toBe('tensor');
  if (isExact) expect(tries[0]?.front.isExact).toBe(true);
  expect(Math.min(...tries.map(({ ms }) => ms))).toBeLessThan(2_000);
});
