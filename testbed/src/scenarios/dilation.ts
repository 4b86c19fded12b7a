import { linuxRetransmitMs } from '../links/direction.js';
import type { Trace } from '../links/link-parameters.js';
import type { ResultRow } from '../report/results.js';
import type { LoadedScenario } from './load-scenario.js';
import type { StatedLink } from './stated-scenario.js';

/**
 * A scenario in which all that takes time takes `factor` times as long: devices, lines, delays, and the pauses between
 * requests. One machine can then stand for devices that together compute more than it does, or than it does without their
 * being in one another's way (time dilation; D. Gupta et al., "To Infinity and Beyond: Time-Warped Network Emulation",
 * NSDI 2006). What it gives is brought back to the scenario's own time by `inScenarioTime`.
 */
export function dilated(loaded: LoadedScenario, factor: number): LoadedScenario {
  const { scenario, traces } = loaded;
  const { load } = scenario;
  return {
    ...loaded,
    scenario: {
      ...scenario,
      devices: scenario.devices.map((device) => ({ ...device, slowDown: device.slowDown * factor })),
      links: scenario.links.map((link) => slowerLink(link, factor)),
      load: load.rateHz === undefined ? load : { ...load, rateHz: load.rateHz / factor },
    },
    traces: traces.map((trace) => trace && slowerTrace(trace, factor)),
    // They are of the scenario's time. Their figures stand in its links.
    linkProfiles: [],
  };
}

/** What was predicted and measured while time was dilated, in the scenario's own time. */
export function inScenarioTime(row: ResultRow, factor: number): ResultRow {
  const shorter = <T extends Readonly<Record<string, number>>>(times: T) =>
    Object.fromEntries(Object.entries(times).map(([key, ms]) => [key, ms / factor])) as { [K in keyof T]: number };
  const { predicted, measured, parts } = row;
  const { latencyMs, p99Ms } = measured;
  return {
    ...row,
    predicted: { latencyMs: predicted.latencyMs / factor, throughputHz: predicted.throughputHz * factor },
    measured: { ...shorter({ latencyMs, p99Ms }), throughputHz: measured.throughputHz * factor },
    parts: parts && { predicted: shorter(parts.predicted), measured: shorter(parts.measured) },
  };
}

function slowerLink(link: StatedLink, factor: number): StatedLink {
  const { up, down, retransmitMs = linuxRetransmitMs } = link;
  return {
    ...slower(link, factor),
    ...(up === undefined ? {} : { up: slower(up, factor) }),
    ...(down === undefined ? {} : { down: slower(down, factor) }),
    retransmitMs: retransmitMs * factor,
  };
}

function slowerTrace({ points, periodS }: Trace, factor: number): Trace {
  return {
    points: points.map((point) => ({ ...slower(point, factor), seconds: point.seconds * factor })),
    periodS: periodS * factor,
  };
}

type Figures = Pick<NonNullable<StatedLink['up']>, 'rateMbit' | 'delayMs' | 'jitterMs'>;

function slower<T extends Figures>(figures: T, factor: number): T {
  const { rateMbit, delayMs, jitterMs } = figures;
  return {
    ...figures,
    ...(rateMbit === undefined ? {} : { rateMbit: rateMbit / factor }),
    ...(delayMs === undefined ? {} : { delayMs: delayMs * factor }),
    ...(jitterMs === undefined ? {} : { jitterMs: jitterMs * factor }),
  };
}
