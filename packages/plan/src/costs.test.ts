import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { everyPlan } from './brute-force.testing.js';
import { costsOf, stagesOf } from './costs.js';
import type { PlanDevice, PlanProblem } from './problem.js';
import { problemOfTables, tableProblem } from './problem.testing.js';
import { waitMs } from './queueing.js';

const device: PlanDevice = {
  id: 'pi',
  edge: true,
  segmentMs: (from, to) => 10 * (to - from),
  memoryBytes: (from, to) => 100 * (to - from),
  memoryLimitBytes: 1000,
  power: { idleW: 2, busyW: 5, networkW: 1 },
  sharedBy: 1,
  arrivalHz: undefined,
};
const direction = { fixedMs: 3, bytesPerS: 1000 };
const pair: PlanProblem = {
  cuts: 4,
  devices: [device, { ...device, id: 'server', edge: false, segmentMs: (from, to) => to - from }],
  links: [[undefined, { id: 'lan', up: direction, down: direction }]],
  codecs: [{ id: 'raw', bytes: (cut) => 8 - cut, encodeMs: () => 1, decodeMs: () => 2, accuracyLoss: () => 0.25 }],
  answerBytes: [2, 2, 2, 2],
};

describe('the costs of a plan', () => {
  it('are those of the definitions, for every plan of random problems', () => {
    let plans = 0;
    fc.assert(
      fc.property(tableProblem, (tables) => {
        const problem = problemOfTables(tables);
        for (const { devices, cuts, codecs, ...costs } of everyPlan(problem)) {
          expect(costsOf(problem, { devices, cuts, codecs })).toEqual(costs);
          plans++;
        }
      }),
      { numRuns: 600 },
    );
    expect(plans).toBeGreaterThan(1000);
  });

  it('are as computed by hand', () => {
    // 20 computing, 1 encoding, 3 + 6 over, 2 decoding, 1 computing, 3 + 2 back.
    expect(costsOf(pair, { devices: [0, 1], cuts: [2], codecs: ['raw'] })).toEqual({
      latencyMs: 38,
      throughputHz: 50,
      // 2 W for 38 ms, 3 W more for 21 ms, 1 W for 8 ms.
      edgeEnergyJ: (2 * 38 + 3 * 21 + 8) / 1000,
      peakMemoryBytes: 200,
      wireBytes: 8,
      accuracyLoss: 0.25,
    });
  });

  it('are the stages: their latencies add up and the slowest sets the rate', () => {
    fc.assert(
      fc.property(tableProblem, (tables) => {
        const problem = problemOfTables(tables);
        for (const plan of everyPlan(problem)) {
          const { stages, slowest, requestsInFlight } = stagesOf(problem, plan);
          expect(stages.reduce((sum, { latencyMs }) => sum + latencyMs, 0)).toBeCloseTo(plan.latencyMs, 9);
          expect(1000 / (stages[slowest]?.occupiedMs ?? 0)).toBe(plan.throughputHz);
          expect((requestsInFlight * 1000) / plan.latencyMs).toBeGreaterThanOrEqual(plan.throughputHz * (1 - 1e-6));
        }
      }),
      { numRuns: 200 },
    );
  });

  it('tell the order of the stages', () => {
    const { stages } = stagesOf(pair, { devices: [0, 1], cuts: [0], codecs: ['raw'] });
    expect(stages.map(({ kind, where }) => `${kind} ${where}`)).toEqual([
      'encode pi',
      'up lan',
      'decode server',
      'segment server',
      'down lan',
    ]);
  });

  it('are refused for what is not a plan, or cannot run', () => {
    const illegal = expect.objectContaining({ code: 'CUT_ILLEGAL_CUT' });
    expect(() => costsOf(pair, { devices: [1], cuts: [], codecs: [] })).toThrow(illegal);
    expect(() => costsOf(pair, { devices: [0, 1], cuts: [], codecs: [] })).toThrow(illegal);
    expect(() => costsOf(pair, { devices: [0, 1], cuts: [3], codecs: ['raw'] })).toThrow(illegal);
    const infeasible = (message: RegExp) =>
      expect.objectContaining({ code: 'CUT_INFEASIBLE', message: expect.stringMatching(message) });
    expect(() => costsOf(pair, { devices: [0, 1], cuts: [1], codecs: ['zip'] })).toThrow(infeasible(/no codec "zip"/));
    const small = { ...pair, devices: [{ ...device, memoryLimitBytes: 250 }] };
    expect(() => costsOf(small, { devices: [0], cuts: [], codecs: [] })).toThrow(infeasible(/memory/));
  });
});

describe('the wait at a shared device', () => {
  it('is that of M/D/1 where arrivals are known, and endless from full load on', () => {
    // Half full: half of the service time (Pollaczek and Khinchine).
    expect(waitMs({ sharedBy: 5, arrivalHz: 10 }, 10)).toBeCloseTo(5, 12);
    expect(waitMs({ sharedBy: 10, arrivalHz: 10 }, 10)).toBeUndefined();
  });

  it('is that of a simulated queue with random arrivals', () => {
    let state = 12345;
    const random = () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return (state + 1) / 2 ** 32;
    };
    let now = 0;
    let free = 0;
    let waited = 0;
    const requests = 400_000;
    for (let i = 0; i < requests; i++) {
      now += -Math.log(random()) * (1000 / 70);
      waited += Math.max(0, free - now);
      free = Math.max(free, now) + 10;
    }
    const expected = waitMs({ sharedBy: 7, arrivalHz: 10 }, 10) ?? 0;
    expect(Math.abs(waited / requests - expected)).toBeLessThan(0.05 * expected);
  });

  it('is never nothing where others send one request after the other', () => {
    expect(waitMs({ sharedBy: 1, arrivalHz: undefined }, 10)).toBe(0);
    expect(waitMs({ sharedBy: 16, arrivalHz: undefined }, 10)).toBe(75);
  });
});
