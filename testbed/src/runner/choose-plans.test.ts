import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { choosePlans } from './choose-plans.js';
import { problemWith } from './plan-problem.testing.js';

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
