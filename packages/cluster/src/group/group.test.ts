import { describe, expect, it } from 'vitest';
import { always, sharedOptions, withGroups } from './socket-groups.testing.js';

describe.each(['star', 'mesh', 'ring', 'tree'] as const)('an all-reduce in a %s', (topology) => {
  it.each([1, 2, 3, 5])('gives all of %i ranks the sum', async (ranks) => {
    await withGroups(sharedOptions(ranks, always(topology)), async (groups) => {
      for (const count of [0, 1, 7, 2048, 100_000, 700_001]) {
        const values = groups.map(({ rank }) => Float32Array.from({ length: count }, (_, i) => (rank + 1) * 100 + i));
        await Promise.all(groups.map((group, rank) => group.allReduce(values[rank] ?? new Float32Array(0))));
        const sum = new Float32Array(count);
        for (let i = 0; i < count; i++) {
          for (let rank = 0; rank < ranks; rank++) sum[i] = (sum[i] ?? 0) + Math.fround((rank + 1) * 100 + i);
        }
        for (const each of values) expect(Buffer.compare(Buffer.from(each.buffer), Buffer.from(sum.buffer))).toBe(0);
      }
    });
  });
});
