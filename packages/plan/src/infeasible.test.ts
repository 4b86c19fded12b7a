import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { baselinesOf } from './baselines.js';
import { everyPlan, withinLimits } from './brute-force.testing.js';
import { explainInfeasible, requireFront } from './infeasible.js';
import type { PlanLimits } from './limits.js';
import { problemOfTables, someLimits, tableProblem } from './problem.testing.js';

describe('limits that cannot be kept', () => {
  it('are named as a minimal subset, with the nearest values that can', () => {
    let conflicts = 0;
    fc.assert(
      fc.property(tableProblem, someLimits, (tables, limits) => {
        const problem = problemOfTables(tables);
        const plans = everyPlan(problem);
        const possible = (some: PlanLimits) => plans.some((plan) => withinLimits(plan, some));
        const conflict = explainInfeasible(problem, limits);
        expect(conflict === undefined).toBe(possible(limits));
        if (conflict === undefined) return;
        expect(conflict.limits.length === 0).toBe(plans.length === 0);
        const subset = Object.fromEntries(conflict.limits.map(({ limit, asked }) => [limit, asked]));
        if (conflict.limits.length > 0) expect(possible(subset)).toBe(false);
        for (const { limit, asked, nearest } of conflict.limits) {
          expect(possible({ ...subset, [limit]: undefined })).toBe(true);
          expect(possible({ ...limits, [limit]: undefined })).toBe(nearest !== undefined);
          if (nearest === undefined) continue;
          const isLeast = limit === 'minThroughputHz';
          expect(possible({ ...limits, [limit]: nearest })).toBe(true);
          expect(
            possible({ ...limits, [limit]: nearest * (isLeast ? 1.0001 : 0.9999) - (nearest === 0 ? 1 : 0) }),
          ).toBe(false);
          expect(isLeast ? nearest < asked : nearest > asked).toBe(true);
          conflicts++;
        }
      }),
      { numRuns: 1000 },
    );
    expect(conflicts).toBeGreaterThan(30);
  });

  it('are an error whose sentence says so', () => {
    const problem = {
      cuts: 2,
      devices: [
        {
          id: 'pi',
          edge: true,
          segmentMs: () => 40,
          memoryBytes: () => 100,
          memoryLimitBytes: 1e9,
          power: { idleW: 1, busyW: 2, networkW: 0 },
          sharedBy: 1,
          arrivalHz: undefined,
        },
      ],
      links: [],
      codecs: [],
      answerBytes: [0, 0],
    };
    expect(() => requireFront(problem, { limits: { maxLatencyMs: 25, maxWireBytes: 5 } })).toThrow(
      expect.objectContaining({
        code: 'CUT_INFEASIBLE',
        message: 'No plan keeps latency at most 25 ms: the others kept, latency at most 40 ms would do.',
      }),
    );
    expect(requireFront(problem).points.length).toBe(1);
    const broken = { ...problem, devices: problem.devices.map((device) => ({ ...device, memoryLimitBytes: 1 })) };
    expect(() => requireFront(broken)).toThrow(/even without limits: cuts 0 to 1 on "pi" need/);
  });
});

describe('the baselines', () => {
  it('are each device alone, or why it cannot be', () => {
    fc.assert(
      fc.property(tableProblem, someLimits, (tables, limits) => {
        const problem = problemOfTables(tables);
        const plans = everyPlan(problem);
        for (const [device, baseline] of baselinesOf(problem, limits).entries()) {
          const alone = plans.filter(({ devices, cuts }) =>
            device === 0 ? devices.length === 1 : devices.length === 2 && devices[1] === device && cuts[0] === 0,
          );
          expect(baseline.plan === undefined).toBe(alone.length === 0);
          if (baseline.plan === undefined) continue;
          const least = Math.min(...alone.map(({ accuracyLoss }) => accuracyLoss));
          const fastest = Math.min(
            ...alone.filter(({ accuracyLoss }) => accuracyLoss === least).map(({ latencyMs }) => latencyMs),
          );
          expect(baseline.plan).toMatchObject({ accuracyLoss: least, latencyMs: fastest });
          expect('infeasible' in baseline).toBe(!withinLimits(baseline.plan, limits));
        }
      }),
      { numRuns: 500 },
    );
  });
});
