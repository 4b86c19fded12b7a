import type { Calibration, PlanLimits } from '@cutpoint/plan';
import type { Command } from 'commander';
import { parseQuantity, parseShare } from './plan-options.js';

/** What plans must keep, as a person gives it. */
export interface LimitOptions {
  readonly maxLatencyMs?: number;
  readonly minThroughputHz?: number;
  readonly maxEnergyJ?: number;
  readonly maxMemoryMb?: number;
  readonly maxBytes?: number;
  readonly maxLoss?: number;
}

/** Adds the options that limit what plans may cost. */
export function addLimitOptions(command: Command): Command {
  return command
    .option('--max-latency-ms <number>', 'latency of one request', parseQuantity)
    .option('--min-throughput-hz <number>', 'requests per second in a stream', parseQuantity)
    .option('--max-energy-j <number>', 'energy of the edge devices for one request, in joules', parseQuantity)
    .option('--max-memory-mb <number>', 'peak memory of every edge device', parseQuantity)
    .option('--max-bytes <number>', 'bytes on the wire for one request, both ways', parseQuantity)
    .option('--max-loss <share>', 'accuracy that may be lost, 0 to 1', parseShare);
}

/** Latency alone would choose the smallest codec, however bad: a calibration says what may be lost. */
export function limitsOf(options: LimitOptions, calibration: Calibration | undefined): PlanLimits {
  const { maxLatencyMs, minThroughputHz, maxEnergyJ, maxMemoryMb, maxBytes } = options;
  const maxLoss = options.maxLoss ?? calibration?.maxLoss;
  return {
    maxLatencyMs,
    minThroughputHz,
    maxEdgeEnergyJ: maxEnergyJ,
    maxPeakMemoryBytes: maxMemoryMb === undefined ? undefined : maxMemoryMb * 1e6,
    maxWireBytes: maxBytes,
    maxAccuracyLoss: maxLoss,
  };
}
