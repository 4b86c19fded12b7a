import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { everyPlan, frontByBruteForce, valuesOf, withinLimits } from './brute-force.testing.js';
import { costsOf } from './costs.js';
import { paretoFront } from './front.js';
import type { PlanChoice, PlanCosts, PlanProblem } from './problem.js';
import { problemOfTables, someLimits, someObjectives, tableProblem } from './problem.testing.js';

const nameOf = ({ devices, cuts, codecs }: PlanChoice) => `${devices} at ${cuts} in ${codecs}`;

describe('the front', () => {
  it('equals brute force, tied plans included, on 10,000 random problems', () => {
    let kept = 0;
    let limited = 0;
    fc.assert(
      fc.property(tableProblem, someObjectives, someLimits, (tables, objectives, limits) => {
        const problem = problemOfTables(tables);
        const all = everyPlan(problem);
        const expected = frontByBruteForce(all, objectives, limits);
        if (all.some((plan) => !withinLimits(plan, limits))) limited++;
        const front = paretoFront(problem, { objectives, limits, maxTies: Infinity });
        const plans = front.points.flatMap((point) => point.plans);
        expect(plans.map(nameOf).sort()).toEqual(expected.map(nameOf).sort());
        expect(front.tiesUncounted).toBe(false);
        expect(front.points.every(({ tiesOmitted }) => tiesOmitted === 0)).toBe(true);
        kept += plans.length;
      }),
      { numRuns: 10_000 },
    );
    expect(kept).toBeGreaterThan(7_000);
    expect(limited).toBeGreaterThan(1_000);
  });

  it('equals brute force where cuts are many and costs are not whole numbers', () => {
    const real = fc.double({ min: 0.1, max: 3, noNaN: true });
    const reals = (length: number) => fc.array(real, { minLength: length, maxLength: length });
    fc.assert(
      fc.property(fc.integer({ min: 50, max: 64 }), reals(200), someObjectives, (cuts, numbers, objectives) => {
        const at = (i: number) => numbers[i % numbers.length] ?? 1;
        const small = { cuts: 2, devices: [], links: [], codecs: [], answerBytes: [] };
        const problem: PlanProblem = {
          ...problemOfTables(small),
          cuts,
          devices: [0, 1, 2].map((d) => ({
            id: `d${d}`,
            edge: d < 2,
            segmentMs: (from, to) => (to - from) * at(d) + at(from * 7 + to * 13 + d),
            memoryBytes: (from, to) => to - from + Math.round(at(from * to)),
            memoryLimitBytes: 1000,
            power: { idleW: at(d + 3), busyW: at(d + 5) + 2, networkW: at(d + 7) },
            sharedBy: d === 2 ? 2 : 1,
            arrivalHz: undefined,
          })),
          links: [0, 1, 2].map((a) =>
            [0, 1, 2].map((b) => {
              const direction = { fixedMs: at(a + b), bytesPerS: 1000 * at(a * 3 + b + 20) };
              return a < b ? { id: `${a}${b}`, up: direction, down: direction } : undefined;
            }),
          ),
          codecs: [0, 1].map((k) => ({
            id: `c${k}`,
            bytes: (cut) => Math.ceil(10 * at(cut * 2 + k)),
            encodeMs: (cut) => at(cut + k),
            decodeMs: (cut) => at(cut + k + 1),
            accuracyLoss: (cut) => k * at(cut),
          })),
          answerBytes: Array.from({ length: cuts }, (_, cut) => Math.ceil(at(cut))),
        };
        // In the last bits sums depend on their order, so the costs compared are those of the cost model, and no ties.
        const plans = everyPlan(problem).map((plan) => costsOf(problem, plan));
        const vector = (plan: PlanCosts) => valuesOf(plan, objectives).join();
        const expected = new Set(frontByBruteForce(plans, objectives).map(vector));
        const found = paretoFront(problem, { objectives }).points.map((point) => vector(point.plans[0]));
        expect(found.sort()).toEqual([...expected].sort());
      }),
      { numRuns: 12, endOnFailure: true },
    );
  });

  it('has every vector, and as many of its equals as are wanted', () => {
    const ties = fc.integer({ min: 1, max: 4 });
    fc.assert(
      fc.property(tableProblem, someObjectives, someLimits, ties, (tables, objectives, limits, maxTies) => {
        const problem = problemOfTables(tables);
        const groups = new Map<string, Set<string>>();
        for (const plan of frontByBruteForce(everyPlan(problem), objectives, limits)) {
          const key = valuesOf(plan, objectives).join();
          groups.set(key, (groups.get(key) ?? new Set()).add(nameOf(plan)));
        }
        const front = paretoFront(problem, { objectives, limits, maxTies });
        expect(front.points.length).toBe(groups.size);
        for (const { plans, tiesOmitted } of front.points) {
          const equals = groups.get(valuesOf(plans[0], objectives).join()) ?? new Set();
          const names = new Set(plans.map(nameOf));
          expect(names.size).toBe(Math.min(maxTies, equals.size));
          expect([...names].filter((name) => !equals.has(name))).toEqual([]);
          const omitted = equals.size - plans.length;
          if (front.tiesUncounted) expect(tiesOmitted).toBeLessThanOrEqual(omitted);
          else expect(tiesOmitted).toBe(omitted);
        }
      }),
      { numRuns: 3_000 },
    );
  });

  it('has for every plan one that is at most 1 + epsilon times worse', () => {
    const epsilons = fc.constantFrom(0.01, 0.1, 0.5, 2);
    fc.assert(
      fc.property(tableProblem, someObjectives, someLimits, epsilons, (tables, objectives, limits, epsilon) => {
        const problem = problemOfTables(tables);
        const front = paretoFront(problem, { objectives, limits, epsilon });
        const found = front.points.map(({ plans }) => plans[0]);
        expect(front.exact).toBe(false);
        for (const plan of found) expect(withinLimits(plan, limits)).toBe(true);
        const factor = (1 + epsilon) * (1 + 1e-9);
        const near = (values: number[]) => (of: (typeof found)[number]) =>
          valuesOf(of, objectives).every((value, i) => {
            const other = values[i] ?? 0;
            return value <= (other < 0 ? other / factor : other * factor);
          });
        for (const plan of everyPlan(problem)) {
          if (withinLimits(plan, limits)) expect(found.some(near(valuesOf(plan, objectives)))).toBe(true);
        }
      }),
      { numRuns: 3_000 },
    );
  });

  it('tells what is wrong with its options', () => {
    const problem = problemOfTables({ cuts: 1, devices: [], links: [], codecs: [], answerBytes: [] });
    const usage = expect.objectContaining({ code: 'CUT_USAGE' });
    expect(() => paretoFront(problem)).toThrow(usage);
    expect(() => paretoFront(problem, { objectives: [] })).toThrow(/No objective/);
    expect(() => paretoFront(problem, { epsilon: -1 })).toThrow(/epsilon -1/);
  });
});
