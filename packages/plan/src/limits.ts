import type { Objective, PlanCosts } from './problem.js';

/** Hard limits; a plan that exceeds one is not considered. */
export interface PlanLimits {
  readonly maxLatencyMs?: number | undefined;
  readonly minThroughputHz?: number | undefined;
  readonly maxEdgeEnergyJ?: number | undefined;
  readonly maxPeakMemoryBytes?: number | undefined;
  readonly maxWireBytes?: number | undefined;
  readonly maxAccuracyLoss?: number | undefined;
}

export interface Measure {
  readonly cost: keyof PlanCosts;
  readonly limit: keyof PlanLimits;
  /** As a sentence calls it. */
  readonly name: string;
  readonly unit: string;
  /** Larger is better. */
  readonly larger: boolean;
}

/** Which cost and which limit belong to an objective. */
export const measures: Readonly<Record<Objective, Measure>> = {
  latency: { name: 'latency', cost: 'latencyMs', limit: 'maxLatencyMs', unit: 'ms', larger: false },
  throughput: { name: 'throughput', cost: 'throughputHz', limit: 'minThroughputHz', unit: '/s', larger: true },
  energy: { name: 'edge energy', cost: 'edgeEnergyJ', limit: 'maxEdgeEnergyJ', unit: 'J', larger: false },
  memory: { name: 'peak memory', cost: 'peakMemoryBytes', limit: 'maxPeakMemoryBytes', unit: 'bytes', larger: false },
  bytes: { name: 'bytes on the wire', cost: 'wireBytes', limit: 'maxWireBytes', unit: 'bytes', larger: false },
  accuracy: { name: 'accuracy loss', cost: 'accuracyLoss', limit: 'maxAccuracyLoss', unit: '', larger: false },
};

/** True if no limit is exceeded. */
export function keepsLimits(costs: PlanCosts, limits: PlanLimits): boolean {
  return Object.values(measures).every(({ cost, limit, larger }) => {
    const bound = limits[limit];
    return bound === undefined || (larger ? costs[cost] >= bound : costs[cost] <= bound);
  });
}
