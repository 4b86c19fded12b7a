/** A planning problem: everything about the devices, links and codecs as numbers. `problemOf` makes it of profiles. */
export interface PlanProblem {
  /** Number of legal cuts: cut 0 lies before the first node, cut `cuts - 1` after the last. */
  readonly cuts: number;
  /** In the order of the chain. The first has the input and wants the answer. Any subset may compute. */
  readonly devices: readonly PlanDevice[];
  /** `links[a][b]` for a < b: the way from device a to device b, whatever lies between; undefined if there is none. */
  readonly links: readonly (readonly (PlanLink | undefined)[])[];
  readonly codecs: readonly PlanCodec[];
  /** By cut: bytes of answers that are computed behind it and travel back across it. */
  readonly answerBytes: readonly number[];
}

/** A device's costs. All functions must be deterministic; a segment lies between the cuts `from` < `to`. */
export interface PlanDevice {
  readonly id: string;
  /** Its energy counts. */
  readonly edge: boolean;
  /** Time of the segment, in ms; undefined if the device cannot run it. */
  segmentMs(from: number, to: number): number | undefined;
  /** Peak memory of the segment. */
  memoryBytes(from: number, to: number): number;
  /** A segment that needs more than this cannot be placed here. */
  readonly memoryLimitBytes: number;
  readonly power: { readonly idleW: number; readonly busyW: number; readonly networkW: number };
  /** How many chains like this one share the device: each gets that part of its rate. */
  readonly sharedBy: number;
  /** Requests per second that one of these chains sends; with it a shared device's queue is counted. Undefined: one at a time. */
  readonly arrivalHz: number | undefined;
}

export interface PlanLink {
  readonly id: string;
  /** One way from the earlier to the later device, and back. */
  readonly up: { readonly fixedMs: number; readonly bytesPerS: number };
  readonly down: { readonly fixedMs: number; readonly bytesPerS: number };
}

/** A codec's costs at a cut; undefined where it cannot be used. Encoding and decoding are stages of their own. */
export interface PlanCodec {
  readonly id: string;
  bytes(cut: number): number | undefined;
  encodeMs(cut: number, device: number): number;
  decodeMs(cut: number, device: number): number;
  /** Share of answers lost, 0 to 1; losses of several cuts add up. */
  accuracyLoss(cut: number): number;
}

/** What can be optimised; all but `throughput` are better when smaller. */
export const objectives = ['latency', 'throughput', 'energy', 'memory', 'bytes', 'accuracy'] as const;
export type Objective = (typeof objectives)[number];

/**
 * One way to run the model: `devices[i]` runs the segment between `cuts[i - 1]` and `cuts[i]` (the first from cut 0 on, the
 * last to the end), and what crosses `cuts[i]` goes to `devices[i + 1]` in `codecs[i]`. The first device is always in the
 * list, as it has the input; with `cuts[0]` 0 it computes nothing. No other segment is empty.
 */
export interface PlanChoice {
  /** Indices into the problem's devices, ascending, the first of them 0. */
  readonly devices: readonly number[];
  /** One less than devices, ascending. */
  readonly cuts: readonly number[];
  /** Ids of codecs, one for each cut. */
  readonly codecs: readonly string[];
}

export interface PlanCosts {
  readonly latencyMs: number;
  /** Rate of the slowest stage, links included, with enough requests under way. */
  readonly throughputHz: number;
  readonly edgeEnergyJ: number;
  /** The most that any edge device of the plan needs; 0 if none computes. */
  readonly peakMemoryBytes: number;
  /** Both ways, over every link that is used. */
  readonly wireBytes: number;
  readonly accuracyLoss: number;
}

export type Plan = PlanChoice & PlanCosts;
