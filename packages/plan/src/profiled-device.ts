import type { PlanDevice } from './problem.js';
import type { ModelProfile } from './profiles.js';
import type { Scenario, ScenarioDevice } from './scenario.js';

/** Fitted times of short segments may come out at or below nothing; nothing runs in less than this. */
const leastMs = 0.001;

/**
 * A device of the chain. The profile is its own or another's, whose times are scaled by `slowDown`. Times that were measured
 * for exactly this segment come before fitted ones.
 */
export function profiledDevice(
  device: ScenarioDevice,
  index: number,
  profile: ModelProfile,
  { devices, load }: Scenario,
): PlanDevice {
  const { cuts, memory } = profile;
  const key = (from: number, to: number) => from * cuts.length + to;
  const measured = new Map(profile.measured.map((segment) => [key(segment.from, segment.to), segment]));
  const largestCrossing = rangeMaximum(cuts.map(({ bytes }) => bytes));
  const weights = cuts.map(({ frontWeightBytes }) => frontWeightBytes);
  const measuredPower = profile.device.power;
  const isLast = index > 0 && index === devices.length - 1;
  return {
    id: device.id,
    edge: device.role === 'edge',
    segmentMs(from, to) {
      const ms = measured.get(key(from, to))?.medianMs ?? fittedMs(profile, from, to);
      return Math.max(leastMs, ms) * device.slowDown;
    },
    memoryBytes(from, to) {
      // Not the measured peaks: those are without the process, which a device has to hold as well.
      const weightBytes = Math.max(0, (weights[to] ?? 0) - (weights[from] ?? 0));
      return (
        memory.baseBytes + memory.perWeightByte * weightBytes + memory.perActivationByte * largestCrossing(from, to)
      );
    },
    memoryLimitBytes: device.memoryMB === undefined ? profile.device.memoryBytes : device.memoryMB * 1e6,
    power: {
      idleW: device.power?.idleW ?? measuredPower.idleW,
      busyW: device.power?.busyW ?? measuredPower.busyW,
      networkW: device.power?.networkW ?? measuredPower.networkW,
    },
    sharedBy: isLast ? load.agents : 1,
    arrivalHz: load.rateHz,
  };
}

function fittedMs({ cuts, frontMs, backMs, between }: ModelProfile, from: number, to: number): number {
  if (from === 0) return frontMs[to] ?? 0;
  if (to === cuts.length - 1) return backMs[from] ?? 0;
  const { workMs, enterMs, leaveMs } = between;
  return (workMs[to] ?? 0) - (workMs[from] ?? 0) + (enterMs[from] ?? 0) + (leaveMs[to] ?? 0);
}

/** The largest of `values[from..to]` for any range in constant time (sparse table; M. Bender, M. Farach-Colton, LATIN 2000). */
export function rangeMaximum(values: readonly number[]): (from: number, to: number) => number {
  const levels = [Float64Array.from(values)];
  for (let span = 1; span * 2 <= values.length; span *= 2) {
    const below = levels.at(-1) ?? new Float64Array();
    levels.push(
      Float64Array.from({ length: values.length - span * 2 + 1 }, (_, i) =>
        Math.max(below[i] ?? 0, below[i + span] ?? 0),
      ),
    );
  }
  return (from, to) => {
    const level = 31 - Math.clz32(to - from + 1);
    const spans = levels[level];
    return Math.max(spans?.[from] ?? 0, spans?.[to - 2 ** level + 1] ?? 0);
  };
}
