import { tensorOf } from '@cutpoint/core';
import { expect, it } from 'vitest';
import { loadSegment } from './load-segment.js';
import { identityModel } from './onnx-bytes.testing.js';

/** How many: `npm run test:leak -w @cutpoint/runtime` asks for 1,000. */
const rounds = Number(process.env.CUTPOINT_LEAK_ROUNDS ?? 30);
const settled = rounds / 10;
const bound = 64 * 2 ** 20;

it.each(['thread', 'process'] as const)(
  `${rounds} rounds of load, run and dispose in a %s end within 64 MB of round ${settled}`,
  { timeout: 60_000 + rounds * 3_000 },
  async (isolation) => {
    const model = identityModel('f32');
    const inputs = new Map([['x', tensorOf('f32', [1, 2], new Float32Array(2))]]);
    let before = 0;
    for (let round = 1; round <= rounds; round++) {
      const segment = await loadSegment({ kind: 'bytes', model }, { isolation });
      await segment.run(inputs);
      await segment.dispose();
      if (round === settled) before = process.memoryUsage.rss();
    }
    expect(process.memoryUsage.rss() - before).toBeLessThan(bound);
  },
);
