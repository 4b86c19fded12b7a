import type { Totals } from './cost-model.js';
import type { PlanLimits } from './limits.js';
import type { Objective } from './problem.js';

/**
 * Which costs a label carries, in columns: first the chosen objectives that add up, then costs that add up and are not
 * chosen but needed (limits; latency, where later devices' idling depends on it), then the chosen ones of which a plan has
 * the largest. Limits on largest costs need no column: a step that exceeds one is left out.
 */
export interface Layout {
  readonly columns: readonly (keyof Totals)[];
  /** Columns that add up and are chosen; a label that is better in one of them stays better. */
  readonly strict: number;
  /** Columns that add up. */
  readonly sums: number;
  /** The columns of the chosen objectives. */
  readonly chosen: readonly number[];
  /** By column: what a plan may have at most; Infinity without a limit. */
  readonly limits: Float64Array;
  /** -1 where there is no such column. */
  readonly latency: number;
  readonly energy: number;
}

const totalOf = {
  latency: 'latencyMs',
  energy: 'energyMJ',
  bytes: 'wireBytes',
  accuracy: 'accuracyLoss',
  throughput: 'slowestMs',
  memory: 'memoryBytes',
} as const satisfies Record<Objective, keyof Totals>;

export function layoutOf(objectives: readonly Objective[], limits: PlanLimits, laterIdling: boolean): Layout {
  const limitOf = new Map<keyof Totals, number>([
    ['latencyMs', limits.maxLatencyMs ?? Infinity],
    ['energyMJ', (limits.maxEdgeEnergyJ ?? Infinity) * 1000],
    ['wireBytes', limits.maxWireBytes ?? Infinity],
    ['accuracyLoss', limits.maxAccuracyLoss ?? Infinity],
  ]);
  const wanted = new Set<keyof Totals>(objectives.map((objective) => totalOf[objective]));
  const summed = [...limitOf.keys()];
  const strict = summed.filter((total) => wanted.has(total));
  const needsEnergy = wanted.has('energyMJ') || limits.maxEdgeEnergyJ !== undefined;
  const hidden = summed.filter(
    (total) =>
      !wanted.has(total) &&
      ((limitOf.get(total) ?? Infinity) < Infinity || (total === 'latencyMs' && needsEnergy && laterIdling)),
  );
  const largest = (['slowestMs', 'memoryBytes'] as const).filter((total) => wanted.has(total));
  const columns = [...strict, ...hidden, ...largest];
  const sums = strict.length + hidden.length;
  return {
    columns,
    strict: strict.length,
    sums,
    chosen: columns.flatMap((_, i) => (i < strict.length || i >= sums ? [i] : [])),
    limits: Float64Array.from(columns, (total) => limitOf.get(total) ?? Infinity),
    latency: columns.indexOf('latencyMs'),
    energy: columns.indexOf('energyMJ'),
  };
}
