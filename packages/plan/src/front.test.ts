import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { everyPlan, frontByBruteForce, valuesOf, withinLimits } from './brute-force.testing.js';
import { paretoFront } from './front.js';
import type { PlanChoice } from './problem.js';
import { problemOfTables, someLimits, someObjectives, tableProblem } from './problem.testing.js';

const nameOf = ({ devices, cuts, codecs }: PlanChoice) => `${devices} at ${cuts} in ${codecs}`;

describe('the front', () => {
  it('equals brute force, tied plans included, on 10,000 random problems', { timeout: 60_000 }, () => {
    let kept = 0;
    fc.assert(
      fc.property(tableProblem, someObjectives, someLimits, (tables, objectives, limits) => {
        const problem = problemOfTables(tables);
        const expected = frontByBruteForce(everyPlan(problem), objectives, limits);
        const front = paretoFront(problem, { objectives, limits, maxTies: Infinity });
        const plans = front.points.flatMap((point) => point.plans);
        expect(plans.map(nameOf).sort()).toEqual(expected.map(nameOf).sort());
        expect(front.tiesUncounted).toBe(false);
        expect(front.points.every(({ tiesOmitted }) => tiesOmitted === 0)).toBe(true);
        kept += plans.length;
      }),
      { numRuns: 10_000 },
    );
    expect(kept).toBeGreaterThan(10_000);
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
