import { CutpointError } from '@cutpoint/core';
import { hopParts, hopStep, idleWUpTo, type Step, segmentParts, segmentStep } from './cost-model.js';
import { type Layout, layoutOf } from './layout.js';
import type { PlanLimits } from './limits.js';
import type { Objective, PlanProblem } from './problem.js';

/** All steps of a problem as numbers. A step that is impossible or exceeds a limit has Infinity in its first column. */
export interface Tables {
  readonly layout: Layout;
  readonly cuts: number;
  readonly devices: number;
  readonly codecs: number;
  /** By device, then `(to * cuts + from) * width + column`. */
  readonly segments: readonly Float64Array[];
  /** `hopAt` tells where a hop's columns begin. */
  readonly hops: Float64Array;
  /** Watts of edge devices from the first to this one. */
  readonly idleW: Float64Array;
}

/** Numbers in all tables; more would take gigabytes. */
const mostNumbers = 2 ** 27;

export function hopAt({ layout, cuts, devices, codecs }: Tables, from: number, to: number, codec: number, cut: number) {
  return (((from * devices + to) * codecs + codec) * cuts + cut) * layout.columns.length;
}

/** @throws CutpointError CUT_USAGE if the problem is empty or too large. */
export function tabulate(problem: PlanProblem, objectives: readonly Objective[], limits: PlanLimits): Tables {
  const { cuts } = problem;
  const devices = problem.devices.length;
  const codecs = problem.codecs.length;
  if (cuts < 2 || devices === 0) throw new CutpointError('CUT_USAGE', 'A plan needs a device and a model with nodes.');
  const idleW = Float64Array.from(problem.devices, (_, device) => idleWUpTo(problem, device));
  const laterIdling = idleW.some((watts) => watts !== idleW[0]);
  const layout = layoutOf(objectives, limits, laterIdling);
  const width = layout.columns.length;
  const numbers = devices * (cuts * cuts + devices * codecs * cuts) * width;
  if (numbers > mostNumbers) {
    throw new CutpointError(
      'CUT_USAGE',
      `${cuts} cuts, ${devices} devices and ${codecs} codecs need ${numbers} numbers, more than ${mostNumbers}; plan with fewer cuts.`,
    );
  }
  const write = writerOf(layout, limits);
  const segments = problem.devices.map((_, device) => {
    const table = new Float64Array(cuts * cuts * width).fill(Infinity);
    // The first device has the input alone, so its segment begins at cut 0.
    const lastFrom = device === 0 ? 0 : cuts - 2;
    for (let from = 0; from <= lastFrom; from++) {
      for (let to = from + 1; to < cuts; to++) {
        const parts = segmentParts(problem, device, from, to);
        if (typeof parts === 'string') continue;
        write(table, (to * cuts + from) * width, segmentStep(problem, device, parts), idleW[device] ?? 0);
      }
    }
    return table;
  });
  const hops = new Float64Array(devices * devices * codecs * cuts * width).fill(Infinity);
  const tables = { layout, cuts, devices, codecs, segments, hops, idleW };
  for (let from = 0; from < devices; from++) {
    for (let to = from + 1; to < devices; to++) {
      for (const [k, codec] of problem.codecs.entries()) {
        for (let cut = from === 0 ? 0 : 1; cut < cuts - 1; cut++) {
          const parts = hopParts(problem, from, to, cut, codec);
          if (typeof parts === 'string') continue;
          write(hops, hopAt(tables, from, to, k, cut), hopStep(problem, from, to, parts), idleW[to] ?? 0);
        }
      }
    }
  }
  return tables;
}

function writerOf(layout: Layout, limits: PlanLimits) {
  const mostMemory = limits.maxPeakMemoryBytes ?? Infinity;
  const leastHz = limits.minThroughputHz ?? 0;
  return (table: Float64Array, at: number, step: Step, idleW: number) => {
    if (step.memoryBytes > mostMemory || 1000 / step.slowestMs < leastHz) return;
    for (const [column, total] of layout.columns.entries()) {
      table[at + column] = total === 'energyMJ' ? step.activityMJ + idleW * step.latencyMs : step[total];
    }
  };
}
