import type { CancelSignal, NamedTensors, TensorSpec } from '@cutpoint/core';

/** A model that can be asked over HTTP. */
export interface ModelInfo {
  /** How requests name it. */
  readonly name: string;
  /** The version that there is now; left out where there are no versions. */
  readonly version?: string;
  /** What runs it, as `FORMAT_RUNTIME`. */
  readonly platform: string;
  readonly ready: boolean;
  readonly inputs: readonly TensorSpec[];
  /** Those that can be sent: numbers and booleans. */
  readonly outputs: readonly TensorSpec[];
}

/** How a request is to be answered. */
export interface InferOptions {
  /** How long it may take from now on, in ms. */
  readonly deadlineMs: number;
  /** The caller's id of the request, where it gave one. */
  readonly id: string | undefined;
  /** The outputs that are wanted, at least one; undefined for all. */
  readonly outputs: readonly string[] | undefined;
  /** The only version whose answer is wanted; undefined for whichever answers. */
  readonly version?: string | undefined;
  readonly signal: CancelSignal;
}

/** Where the time of one segment went, in ms; the runtime's own parts are left out where a device does not tell them. */
export interface SegmentTimes {
  readonly queueMs: number;
  readonly inputMs?: number;
  readonly computeMs: number;
  readonly outputMs?: number;
}

/** Where the time of one link went, in ms: making bytes of tensors and back; on the network, both ways. */
export interface LinkTimes {
  readonly codecMs: number;
  readonly sendMs: number;
}

/** An answer, with the way it took. */
export interface InferAnswer {
  readonly outputs: NamedTensors;
  /** The version that computed it; left out where there are no versions. */
  readonly version?: string | undefined;
  readonly timing: { readonly segments: readonly SegmentTimes[]; readonly links: readonly LinkTimes[] };
  /** The devices that computed it, in order: one for each segment, with a link between each two. */
  readonly path: readonly string[];
}

/** The models behind the HTTP API. */
export interface Models {
  /** All there are, cheaply: it is asked for with every request. */
  list(): readonly ModelInfo[];
  /**
   * Runs a model once. Input buffers may be given away.
   * @throws CutpointError CUT_INPUT, CUT_OVERLOADED, CUT_DEADLINE, CUT_CANCELLED and what running it throws; for a version
   * that is wanted, CUT_NOT_FOUND if there is another by now, CUT_STALE if another answers until the deadline.
   */
  infer(name: string, tensors: NamedTensors, options: InferOptions): Promise<InferAnswer>;
}
