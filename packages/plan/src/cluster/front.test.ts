import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BrutePlan, everyClusterPlan } from './brute-force.testing.js';
import { clusterFront } from './front.js';
import type { ClusterPlan, ClusterProblem } from './problem.js';
import { clusterProblem } from './problem.testing.js';

const finite = ({ msPerToken, ttftMs }: BrutePlan) => Number.isFinite(msPerToken + ttftMs);
/** What may be chosen: rank 0, where one is asked for, is there and leads. */
const allowed =
  ({ rank0 }: ClusterProblem) =>
  ({ stages }: BrutePlan) =>
    rank0 === undefined || stages[0]?.[0] === rank0;
const near = (a: number, b: number) => Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(b));
const stagesOf = ({ stages }: ClusterPlan) => stages.map(({ ranks }) => ranks.map(({ device }) => device));

describe('the plans of a cluster', () => {
  it('have the least time per token of all, and pipelines of single devices the least of theirs, as brute force finds it', () => {
    let [planned, streamed, groups, pipelines] = [0, 0, 0, 0];
    fc.assert(
      fc.property(clusterProblem, (problem) => {
        const every = everyClusterPlan(problem).filter(finite).filter(allowed(problem));
        const front = clusterFront(problem);
        expect(front.isExact).toBe(true);
        const least = Math.min(...every.map(({ msPerToken }) => msPerToken));
        const [first] = front.points;
        const found = first?.msPerToken ?? Infinity;
        expect(found === least || near(found, least)).toBe(true);
        if (first === undefined) return;
        planned++;
        if (first.stages.some(({ loadMs }) => loadMs > 0)) streamed++;
        if (first.kind === 'tensor') groups++;
        if (first.stages.length > 1) pipelines++;
        const pipeline = front.bestOfKind.find(({ kind }) => kind === 'pipeline');
        const single = every.filter(({ stages }) => stages.length > 1 && stages.every((group) => group.length === 1));
        const leastOfSingle = Math.min(...single.map(({ msPerToken }) => msPerToken));
        if (single.length > 0) expect(near(pipeline?.msPerToken ?? Infinity, leastOfSingle)).toBe(true);
      }),
      { numRuns: 500 },
    );
    expect(Math.min(planned, streamed * 5, groups * 5, pipelines * 10)).toBeGreaterThan(50);
  });

  it('have for every set of devices the fastest shares', () => {
    fc.assert(
      fc.property(clusterProblem, (problem) => {
        const { bySet } = clusterFront(problem);
        const every = everyClusterPlan({ ...problem, rank0: problem.rank0 }).filter(finite);
        for (const [set, plan] of bySet) {
          const members = problem.devices.flatMap((_, device) => ((set >> device) & 1 ? [device] : []));
          const same = every.filter(({ stages: [group = [], ...more] }) => {
            return more.length === 0 && String([...group].sort()) === String(members);
          });
          expect(near(plan.msPerToken, Math.min(...same.map(({ msPerToken }) => msPerToken)))).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('cost what brute force says they cost, in all that counts, and none beats another', () => {
    fc.assert(
      fc.property(clusterProblem, (problem) => {
        const every = everyClusterPlan(problem).filter(finite);
        const { points } = clusterFront(problem);
        for (const plan of points) {
          const names = String(stagesOf(plan).map((stage) => `[${stage}]`));
          const twin = every.find(
            (other) =>
              String(other.stages.map((stage) => `[${stage}]`)) === names &&
              near(plan.msPerToken, other.msPerToken) &&
              near(plan.ttftMs, other.ttftMs) &&
              near(plan.peakBytes, other.peakBytes),
          );
          expect(twin).toBeDefined();
          const beaten = points.some(
            (other) =>
              other !== plan &&
              other.msPerToken <= plan.msPerToken &&
              other.ttftMs <= plan.ttftMs &&
              other.peakBytes <= plan.peakBytes,
          );
          expect(beaten).toBe(false);
        }
      }),
      { numRuns: 500 },
    );
  });
});
