import type { PlanChoice, PlanCodec, PlanCosts, PlanProblem } from './problem.js';
import { waitMs } from './queueing.js';

/**
 * The cost model, in one place: a plan is a chain of steps (segments and hops), and its costs are folded over them in
 * order. The planner adds up the same steps in the same order, so its numbers are those of `costsOf` to the last bit.
 */

/** What a segment does to a request. */
export interface SegmentParts {
  readonly segmentMs: number;
  readonly waitMs: number;
  readonly memoryBytes: number;
}

/** What a hop does to a request: over to the next device of the plan, and the answers back. */
export interface HopParts {
  readonly encodeMs: number;
  readonly upFixedMs: number;
  readonly upMs: number;
  readonly decodeMs: number;
  readonly downFixedMs: number;
  readonly downMs: number;
  readonly bytes: number;
  readonly answerBytes: number;
  readonly accuracyLoss: number;
}

/** Adds to a plan: the sums but `slowestMs` and `memoryBytes`, of which a plan has the largest. */
export interface Step {
  readonly latencyMs: number;
  /** Energy in mJ that edge devices take beyond being on. */
  readonly activityMJ: number;
  readonly wireBytes: number;
  readonly accuracyLoss: number;
  readonly slowestMs: number;
  readonly memoryBytes: number;
}

/** The parts of a segment, or a sentence's end that says why it cannot run there. */
export function segmentParts(problem: PlanProblem, device: number, from: number, to: number): SegmentParts | string {
  const the = deviceOf(problem, device);
  const segmentMs = the.segmentMs(from, to);
  const where = `cuts ${from} to ${to} on "${the.id}"`;
  if (segmentMs === undefined || !Number.isFinite(segmentMs)) return `the device cannot run ${where}`;
  const memoryBytes = the.memoryBytes(from, to);
  if (memoryBytes > the.memoryLimitBytes) {
    return `${where} need ${mb(memoryBytes)} of memory and ${mb(the.memoryLimitBytes)} are there`;
  }
  const wait = waitMs(the, segmentMs);
  if (wait === undefined) {
    return `${where} take ${segmentMs.toPrecision(3)} ms, too long for ${the.sharedBy} x ${the.arrivalHz} requests per second`;
  }
  return { segmentMs, waitMs: wait, memoryBytes };
}

/** The parts of a hop, or a sentence's end that says why there is no such way. */
export function hopParts(
  problem: PlanProblem,
  from: number,
  to: number,
  cut: number,
  codec: PlanCodec,
): HopParts | string {
  const link = problem.links[from]?.[to];
  if (link === undefined) {
    return `there is no link from "${deviceOf(problem, from).id}" to "${deviceOf(problem, to).id}"`;
  }
  const bytes = codec.bytes(cut);
  if (bytes === undefined) return `codec "${codec.id}" cannot be used at cut ${cut}`;
  const answerBytes = problem.answerBytes[cut] ?? 0;
  return {
    encodeMs: codec.encodeMs(cut, from),
    upFixedMs: link.up.fixedMs,
    upMs: (bytes / link.up.bytesPerS) * 1000,
    decodeMs: codec.decodeMs(cut, to),
    downFixedMs: link.down.fixedMs,
    downMs: (answerBytes / link.down.bytesPerS) * 1000,
    bytes,
    answerBytes,
    accuracyLoss: codec.accuracyLoss(cut),
  };
}

export function segmentStep(problem: PlanProblem, device: number, parts: SegmentParts): Step {
  const the = deviceOf(problem, device);
  return {
    latencyMs: parts.segmentMs + parts.waitMs,
    activityMJ: busyExtraW(problem, device) * parts.segmentMs,
    wireBytes: 0,
    accuracyLoss: 0,
    slowestMs: parts.segmentMs * the.sharedBy,
    memoryBytes: the.edge ? parts.memoryBytes : 0,
  };
}

export function hopStep(problem: PlanProblem, from: number, to: number, parts: HopParts): Step {
  const { encodeMs, upFixedMs, upMs, decodeMs, downFixedMs, downMs } = parts;
  const onAirMs = upMs + downMs;
  return {
    latencyMs: encodeMs + upFixedMs + upMs + decodeMs + downFixedMs + downMs,
    activityMJ:
      busyExtraW(problem, from) * encodeMs +
      busyExtraW(problem, to) * decodeMs +
      (networkW(problem, from) + networkW(problem, to)) * onAirMs,
    wireBytes: parts.bytes + parts.answerBytes,
    accuracyLoss: parts.accuracyLoss,
    slowestMs: Math.max(
      encodeMs * deviceOf(problem, from).sharedBy,
      upMs,
      decodeMs * deviceOf(problem, to).sharedBy,
      downMs,
    ),
    memoryBytes: 0,
  };
}

/** Watts of the edge devices from the first to this one while they are merely on. */
export function idleWUpTo(problem: PlanProblem, device: number): number {
  let sum = 0;
  for (const { edge, power } of problem.devices.slice(0, device + 1)) if (edge) sum += power.idleW;
  return sum;
}

/** Costs of what has been decided so far, in the units of the fold. */
export interface Totals {
  latencyMs: number;
  energyMJ: number;
  wireBytes: number;
  accuracyLoss: number;
  slowestMs: number;
  memoryBytes: number;
}

/** `joinedIdleW`: of edge devices that the step brings in; they have been on since the request began. */
export function addStep(totals: Totals, step: Step, idleW: number, joinedIdleW: number): Totals {
  return {
    latencyMs: totals.latencyMs + step.latencyMs,
    energyMJ: totals.energyMJ + (step.activityMJ + idleW * step.latencyMs) + joinedIdleW * totals.latencyMs,
    wireBytes: totals.wireBytes + step.wireBytes,
    accuracyLoss: totals.accuracyLoss + step.accuracyLoss,
    slowestMs: Math.max(totals.slowestMs, step.slowestMs),
    memoryBytes: Math.max(totals.memoryBytes, step.memoryBytes),
  };
}

export const noTotals: Totals = {
  latencyMs: 0,
  energyMJ: 0,
  wireBytes: 0,
  accuracyLoss: 0,
  slowestMs: 0,
  memoryBytes: 0,
};

export function toCosts(totals: Totals): PlanCosts {
  return {
    latencyMs: totals.latencyMs,
    throughputHz: 1000 / totals.slowestMs,
    edgeEnergyJ: totals.energyMJ / 1000,
    peakMemoryBytes: totals.memoryBytes,
    wireBytes: totals.wireBytes,
    accuracyLoss: totals.accuracyLoss,
  };
}

/** A part of a plan with its costs; `link` parts stand between two segments. */
export type PlanPart =
  | ({ readonly kind: 'segment'; readonly device: number; readonly from: number; readonly to: number } & SegmentParts)
  | ({
      readonly kind: 'hop';
      readonly from: number;
      readonly to: number;
      readonly cut: number;
      readonly codec: string;
    } & HopParts);

/** The parts of a plan in order, or why it cannot run. The choice must be well formed (`checkChoice`). */
export function partsOf(problem: PlanProblem, choice: PlanChoice): readonly PlanPart[] | string {
  const parts: PlanPart[] = [];
  let from = 0;
  for (const [i, device] of choice.devices.entries()) {
    const to = choice.cuts[i] ?? problem.cuts - 1;
    if (to > from) {
      const segment = segmentParts(problem, device, from, to);
      if (typeof segment === 'string') return segment;
      parts.push({ kind: 'segment', device, from, to, ...segment });
    }
    const next = choice.devices[i + 1];
    if (next === undefined) break;
    const codec = problem.codecs.find(({ id }) => id === choice.codecs[i]);
    if (codec === undefined) return `there is no codec "${choice.codecs[i]}"`;
    const hop = hopParts(problem, device, next, to, codec);
    if (typeof hop === 'string') return hop;
    parts.push({ kind: 'hop', from: device, to: next, cut: to, codec: codec.id, ...hop });
    from = to;
  }
  return parts;
}

export function foldParts(problem: PlanProblem, parts: readonly PlanPart[]): PlanCosts {
  let totals = noTotals;
  let idleW = idleWUpTo(problem, 0);
  for (const part of parts) {
    if (part.kind === 'segment') totals = addStep(totals, segmentStep(problem, part.device, part), idleW, 0);
    else {
      const before = idleW;
      idleW = idleWUpTo(problem, part.to);
      totals = addStep(totals, hopStep(problem, part.from, part.to, part), idleW, idleW - before);
    }
  }
  return toCosts(totals);
}

function deviceOf(problem: PlanProblem, index: number) {
  const device = problem.devices[index];
  if (device === undefined) throw new RangeError(`there is no device ${index}`);
  return device;
}

/** A device that takes less when busy than when idle is a mistake in its figures, not a gain. */
function busyExtraW(problem: PlanProblem, index: number): number {
  const { edge, power } = deviceOf(problem, index);
  return edge ? Math.max(0, power.busyW - power.idleW) : 0;
}

function networkW(problem: PlanProblem, index: number): number {
  const { edge, power } = deviceOf(problem, index);
  return edge ? power.networkW : 0;
}

function mb(bytes: number): string {
  return `${(bytes / 1e6).toPrecision(3)} MB`;
}
