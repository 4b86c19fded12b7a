import { CutpointError } from '@cutpoint/core';
import { costsOf } from './costs.js';
import type { LabelStore } from './labels.js';
import { measures, type PlanLimits } from './limits.js';
import {
  objectives as everyObjective,
  type Objective,
  type Plan,
  type PlanChoice,
  type PlanProblem,
} from './problem.js';
import { viaSegment } from './search.js';
import { searchFront } from './search-front.js';
import { tabulate } from './tables.js';

export interface FrontOptions {
  /** What counts; at least one. Default: latency and throughput. */
  readonly objectives?: readonly Objective[];
  readonly limits?: PlanLimits;
  /** 0 (default): exact. Else every plan has one on the front that is at most (1 + epsilon) times worse in each objective. */
  readonly epsilon?: number;
  /** At most so many plans with the same costs are listed. Default 16. */
  readonly maxTies?: number;
}

/** Plans that cost the same in every chosen objective. */
export interface FrontPoint {
  readonly plans: readonly [Plan, ...Plan[]];
  /** Equals that are known and not listed. */
  readonly tiesOmitted: number;
}

export interface Front {
  readonly objectives: readonly Objective[];
  /** From the best to the worst in the first objective. */
  readonly points: readonly FrontPoint[];
  /** There may be further equals that were not counted: more than `maxTies` were there already. */
  readonly tiesUncounted: boolean;
  readonly exact: boolean;
  /** Labels that the search kept: how much work it was. */
  readonly labels: number;
}

/**
 * The Pareto front of a problem: every plan that no other plan beats, with equals. Exact by default: dynamic programming over
 * (device, cut) with vector labels (E. Martins, European Journal of Operational Research 16(2), 1984), bounds from a
 * backward pass. Without any plan that keeps the limits the front is empty; `requireFront` throws then.
 * @throws CutpointError CUT_USAGE for no objectives, a bad option or a problem that is too large.
 */
export function paretoFront(problem: PlanProblem, options: FrontOptions = {}): Front {
  const { objectives = ['latency', 'throughput'], limits = {}, epsilon = 0, maxTies = 16 } = options;
  checkOptions(objectives, epsilon, maxTies);
  const tables = tabulate(problem, objectives, limits);
  const { store, front, tiesLost } = searchFront(tables, limits.maxEdgeEnergyJ ?? Infinity, maxTies, epsilon);
  const points: FrontPoint[] = [];
  for (let k = 0; k < front.size; k++) {
    const choices = choicesOf(problem, store, front, k, maxTies);
    const [first, ...others] = choices.map((choice) => ({ ...choice, ...costsOf(problem, choice) }));
    if (first === undefined) throw new CutpointError('CUT_INTERNAL', 'A point of the front has no plan.');
    points.push({ plans: [first, ...others], tiesOmitted: (front.ways[k] as number) - choices.length });
  }
  points.sort((a, b) => compare(a.plans[0], b.plans[0], objectives));
  return {
    objectives,
    points,
    tiesUncounted: tiesLost || epsilon > 0,
    exact: epsilon === 0,
    labels: store.size,
  };
}

function checkOptions(objectives: readonly Objective[], epsilon: number, maxTies: number): void {
  const unknown = objectives.find((objective) => !everyObjective.includes(objective));
  if (unknown !== undefined || objectives.length === 0) {
    const what = unknown === undefined ? 'No objective is given' : `There is no objective "${unknown}"`;
    throw new CutpointError('CUT_USAGE', `${what}; choose of ${everyObjective.join(', ')}.`);
  }
  if (!(epsilon >= 0) || !(maxTies >= 1)) {
    throw new CutpointError('CUT_USAGE', `epsilon ${epsilon} must be 0 or more and maxTies ${maxTies} at least 1.`);
  }
}

/** Negative if `a` comes first: better in the first objective in which they differ. */
function compare(a: Plan, b: Plan, objectives: readonly Objective[]): number {
  for (const objective of objectives) {
    const { cost, larger } = measures[objective];
    if (a[cost] !== b[cost]) return a[cost] < b[cost] === larger ? 1 : -1;
  }
  return 0;
}

interface Tail {
  readonly label: number;
  readonly choice: PlanChoice;
}

/** Follows the edges of a label of the front back to the start, in as many ways as are wanted. */
function choicesOf(problem: PlanProblem, store: LabelStore, front: LabelStore, k: number, most: number): PlanChoice[] {
  const found: PlanChoice[] = [];
  const stack: Tail[] = [];
  const deviceAt = (label: number) => Math.floor((store.place[label] as number) / 2 / problem.cuts);
  const cutAt = (label: number) => Math.floor((store.place[label] as number) / 2) % problem.cuts;
  for (let edge = front.firstEdge[k] as number; edge >= 0; edge = front.edgeNext[edge] as number) {
    const label = front.edgeFrom[edge] as number;
    stack.push({ label, choice: { devices: [deviceAt(label)], cuts: [], codecs: [] } });
  }
  while (found.length < most) {
    const tail = stack.pop();
    if (tail === undefined) break;
    const { label, choice } = tail;
    for (let edge = store.firstEdge[label] as number; edge >= 0; edge = store.edgeNext[edge] as number) {
      const before = store.edgeFrom[edge] as number;
      const via = store.edgeVia[edge] as number;
      if (before < 0) found.push(choice);
      else if (via === viaSegment) stack.push({ label: before, choice });
      else {
        const devices = [deviceAt(before), ...choice.devices];
        const cuts = [cutAt(before), ...choice.cuts];
        stack.push({
          label: before,
          choice: { devices, cuts, codecs: [problem.codecs[via]?.id ?? '', ...choice.codecs] },
        });
      }
    }
  }
  return found;
}
