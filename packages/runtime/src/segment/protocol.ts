import type { ErrorCode, TensorSpec } from '@cutpoint/core';
import type { OutputSpec, ProviderInfo } from './segment.js';

/** A tensor whose bytes are the payload at the same position. */
export interface TensorHeader {
  readonly name: string;
  readonly dtype: TensorSpec['dtype'];
  readonly shape: readonly number[];
}

export interface SessionSettings {
  readonly provider: string;
  readonly threads: number;
  readonly optimisation: 'none' | 'all';
  readonly slowDown: number;
}

/** The payload of `load` from bytes is the model. */
export interface LoadMessage {
  readonly kind: 'load';
  readonly source:
    | { readonly kind: 'file'; readonly path: string }
    | { readonly kind: 'bytes'; readonly weightsFolder: string | null };
  readonly settings: SessionSettings;
}

export interface RunMessage {
  readonly kind: 'run';
  readonly id: number;
  readonly inputs: readonly TensorHeader[];
  readonly outputs: readonly string[];
}

/** What the caller's side sends. `cancel` drops the run if it has not started; `stop` ends the worker after what runs. */
export type ToWorker =
  | LoadMessage
  | RunMessage
  | { readonly kind: 'cancel'; readonly id: number }
  | { readonly kind: 'providers' }
  | { readonly kind: 'stop' };

/** Moments on the machine's monotonic clock, in microseconds. */
export interface RunMarks {
  /** When the worker had finished what it did before. */
  readonly freeAt: number;
  readonly computeFrom: number;
  readonly computeTo: number;
}

/** Its payloads are the outputs; in a thread, the inputs' buffers follow, so that the next call can use them. */
export interface RanMessage {
  readonly kind: 'ran';
  readonly id: number;
  readonly outputs: readonly TensorHeader[];
  readonly marks: RunMarks;
}

export interface LoadedMessage {
  readonly kind: 'loaded';
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly OutputSpec[];
}

/** What the worker sends. Every `run` is answered by exactly one of `ran`, `failed` and `dropped`. */
export type FromWorker =
  | LoadedMessage
  | RanMessage
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly message: string }
  | { readonly kind: 'failed'; readonly id: number; readonly code: ErrorCode; readonly message: string }
  | { readonly kind: 'dropped'; readonly id: number }
  | { readonly kind: 'providers'; readonly providers: readonly ProviderInfo[] };

/**
 * A message as plain JSON data and the bytes that belong to it. Each payload spans an ArrayBuffer of its own, which
 * moves to the receiver: the sender must not use it again.
 */
export interface Packet<M> {
  readonly message: M;
  readonly payloads: readonly Uint8Array<ArrayBuffer>[];
}

/** The worker's end of the line, the same in a thread and in a process. */
export interface WorkerPort {
  post(packet: Packet<FromWorker>): void;
  /** Called once, before anything can have arrived. */
  onPacket(receive: (packet: Packet<ToWorker>) => void): void;
  /** Delivers at once what has arrived, without a turn of the event loop. */
  poll(): void;
  /** Runs what calls native code; see native-gate.ts. */
  native<T>(work: () => Promise<T>): Promise<T>;
  /** Ends the worker. */
  close(): void;
}

/** The caller's end: one worker, running. */
export interface WorkerHost {
  /** Undefined for a thread, which has no process of its own. */
  readonly processId?: number | undefined;
  post(packet: Packet<ToWorker>): void;
  /** Ends the worker amid its inference. A thread has no such way. */
  kill?(): void;
  /** Ends the worker; resolves once it is gone: a process at once, a thread after the inference it runs. */
  stop(): Promise<void>;
}

export interface HostEvents {
  onPacket(packet: Packet<FromWorker>): void;
  /** Called once, when the worker is gone for whatever reason; `why` completes "The worker ...". */
  onGone(why: string): void;
}

/** Starts a worker of one kind. */
export type StartHost = (events: HostEvents) => WorkerHost;
