import type { PlanProblem } from '@cutpoint/plan';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { choosePlans } from './choose-plans.js';

/** Devices in a chain that need as long as there are cuts, over links of 10 ms; cut 3 is crossed by little. */
function problemWith(devices: number, cuts: number): PlanProblem {
  const link = { id: 'link', up: { fixedMs: 10, bytesPerS: 1e6 }, down: { fixedMs: 10, bytesPerS: 1e6 } };
  return {
    cuts,
    devices: Array.from({ length: devices }, (_, i) => ({
      id: `device-${i}`,
      edge: i === 0,
      segmentMs: (from: number, to: number) => (to - from) * (i + 1),
      memoryBytes: () => 1,
      memoryLimitBytes: 10,
      power: { idleW: 1, busyW: 2, networkW: 1 },
      sharedBy: 1,
      arrivalHz: undefined,
    })),
    links: Array.from({ length: devices }, (_, a) =>
      Array.from({ length: devices }, (_, b) => (b > a ? link : undefined)),
    ),
    codecs: [
      {
        id: 'raw',
        bytes: (cut: number) => (cut === 3 ? 10 : 10_000 * (cut + 1)),
        encodeMs: () => 0,
        decodeMs: () => 0,
        accuracyLoss: () => 0,
      },
    ],
    answerBytes: Array.from({ length: cuts }, () => 8),
  };
}

describe('the plans to run', () => {
  it('are each device alone, the front and a sample at cuts that were not measured, each once', () => {
    const anySize = fc.record({ devices: fc.integer({ min: 1, max: 4 }), cuts: fc.integer({ min: 2, max: 30 }) });
    fc.assert(
      fc.property(anySize, fc.integer({ min: 1, max: 20 }), ({ devices, cuts }, count) => {
        const measuredCuts = [0, 2, 5, cuts - 1];
        const chosen = choosePlans(problemWith(devices, cuts), { count, measuredCuts, codec: 'raw' });
        const keys = chosen.map(({ choice }) => JSON.stringify(choice));
        expect(new Set(keys).size).toBe(keys.length);
        expect(chosen.filter(({ why }) => why === 'baseline')).toHaveLength(devices);
        for (const { choice, why, heldOut } of chosen) {
          expect(choice.devices[0]).toBe(0);
          expect(choice.cuts).toHaveLength(choice.devices.length - 1);
          if (why === 'sample') expect(heldOut).toBe(true);
          if (heldOut) for (const cut of choice.cuts) expect(measuredCuts).not.toContain(cut);
        }
      }),
    );
  });
});
