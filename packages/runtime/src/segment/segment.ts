import type { CancelSignal, NamedTensors, TensorSpec } from '@cutpoint/core';
import type { ProviderChoice } from '../provider/provider-choice.js';

/** Where a segment's model comes from. Prefer a file for large models: bytes are held in memory for restarts. */
export type SegmentSource =
  | { readonly kind: 'file'; readonly path: string }
  | {
      readonly kind: 'bytes';
      readonly model: Uint8Array;
      /** Folder of the external weight files that the model names. Without it the model must have none. */
      readonly weightsFolder?: string;
    };

export interface SegmentOptions {
  /**
   * Execution provider, one of `listProviders()`; or `auto`: the fastest that computes this segment as the CPU does, found by
   * measurement and remembered. Default `cpu`.
   */
  readonly provider?: string;
  /** For `auto`: shapes of inputs to measure with, as far as they are known. Default: as the model declares them. */
  readonly inputShapes?: ReadonlyMap<string, readonly number[]> | undefined;
  /** For `auto`: hears in one sentence of each provider that is not used, and why. */
  readonly onNotice?: ((notice: string) => void) | undefined;
  /** Threads inside one operator. Default 1: stages that share a machine then do not slow each other down. */
  readonly threads?: number;
  /** Graph optimisations of the runtime. Default `all`; with `none`, split and whole agree bit for bit. */
  readonly optimisation?: 'none' | 'all';
  /** Where the segment runs. Default `thread`; in a `process` a native crash takes nothing else down. */
  readonly isolation?: 'thread' | 'process';
  /** Calls that may wait behind those the worker already holds. Default 64. */
  readonly maxQueue?: number;
  /**
   * Makes every run take this many times the time it holds a processor, from 1 to 1000, to stand for a slower device.
   * Default 1. It counts as compute time in `RunTiming`. For testbeds.
   */
  readonly slowDown?: number;
  /**
   * Milliseconds that a cancelled call may still hold the worker before the segment counts as stuck. A process is then
   * replaced; a thread cannot be, so calls are refused until the inference ends. Default 30,000.
   */
  readonly stuckMs?: number;
  /** Cancels the loading, not the loaded segment. */
  readonly signal?: CancelSignal;
}

/** An output that cannot be fetched: text, a sequence, map or optional, or elements narrower than a byte. */
export interface UncarriedOutput {
  readonly name: string;
  readonly dtype: null;
  readonly kind: 'string' | 'non-tensor' | 'unsupported type';
}

/** What a segment gives. An unranked tensor is listed with the shape of a scalar: the runtime cannot tell them apart. */
export type OutputSpec = TensorSpec | UncarriedOutput;

export interface RunOptions {
  /** Cancels the call: it rejects at once; a running inference ends and its result is discarded. */
  readonly signal?: CancelSignal;
  /** Outputs to fetch. Default: all of them. */
  readonly outputs?: readonly string[];
  /** Give the input buffers away instead of copying them, where a tensor spans its whole buffer. */
  readonly transfer?: boolean;
}

/** Where the time of one call went, in microseconds. The four add up to the whole call. */
export interface RunTiming {
  /** Waiting behind other calls, and for the worker to be there. */
  readonly queueUs: number;
  /** Bringing the inputs to the runtime. */
  readonly inputUs: number;
  /** The inference itself. */
  readonly computeUs: number;
  /** Bringing the outputs back. */
  readonly outputUs: number;
}

export interface RunResult {
  /** Each tensor owns its buffer. */
  readonly outputs: NamedTensors;
  readonly timing: RunTiming;
}

/**
 * Whether a segment can serve: `restarting` while a dead worker is replaced, `stuck` while a cancelled inference holds a
 * thread, `broken` once there will be no worker any more.
 */
export type SegmentHealth = 'ready' | 'restarting' | 'stuck' | 'broken';

/** A loaded model that runs off the caller's thread. Calls are served in order. */
export interface Segment extends AsyncDisposable {
  /** Inputs that every call must give. A shape of no dimensions also stands for an unranked tensor. */
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly OutputSpec[];
  readonly health: SegmentHealth;
  /** What computes it now. */
  readonly provider: ProviderChoice;
  /** The process that holds the segment now, so that its memory can be looked up; undefined in a thread. */
  readonly processId: number | undefined;
  /**
   * Runs the segment once. Inputs are copied before this returns, unless `transfer` gives them away.
   * @throws CutpointError CUT_INPUT, CUT_UNSUPPORTED_TYPE, CUT_RUN, CUT_OVERLOADED, CUT_CANCELLED, CUT_DEADLINE,
   * CUT_WORKER_DIED (may be retried) or CUT_DISPOSED.
   */
  run(inputs: NamedTensors, options?: RunOptions): Promise<RunResult>;
  /**
   * Rejects what is pending with CUT_DISPOSED and ends the worker. Resolves once the worker is gone: a process at once,
   * a thread only after the inference that it runs, which cannot be interrupted.
   */
  dispose(): Promise<void>;
}

/** An execution provider that the installed runtime knows. */
export interface ProviderInfo {
  readonly name: string;
  /** False if it needs libraries that do not come with the runtime. */
  readonly bundled: boolean;
}
