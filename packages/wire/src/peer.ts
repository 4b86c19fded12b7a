import type { CancelSignal, CutpointError, NamedTensors } from '@cutpoint/core';
import type { Meta } from './frame-encode.js';
import type { Remote } from './hello.js';

/** What to ask of the other side. Tensors must not change until the request is settled. */
export interface OutgoingRequest {
  readonly method: string;
  /** Plain data: what JSON can express. */
  readonly meta?: Meta;
  readonly tensors?: NamedTensors;
}

export interface RequestOptions {
  /** Aborting rejects the request at once and tells the other side. */
  readonly signal?: CancelSignal;
  /** How long to wait, from the call on. The other side gets what is left of it, or of the signal's own deadline. */
  readonly deadlineMs?: number;
}

/** Where the time of a request went, in microseconds. Nothing is a difference between two clocks. */
export interface RequestTiming {
  readonly encodeUs: number;
  /** The round trip without the other three. */
  readonly networkUs: number;
  /** What the other side says it spent, from the arrival of the whole request to its reply. */
  readonly remoteUs: number;
  readonly decodeUs: number;
}

/** An answer. The tensors are the caller's own: it may transfer or change them. */
export interface Reply {
  readonly meta: Meta;
  readonly tensors: NamedTensors;
  readonly timing: RequestTiming;
  /** Of the frame of the request, and of that of the answer. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

/** The client's end of a connection. */
export interface Peer extends AsyncDisposable {
  /** What the server said about itself, and its certificate about it. */
  readonly remote: Remote;
  /** Settles when the connection is closed: with nothing after an orderly end, else with what went wrong. */
  readonly closed: Promise<CutpointError | undefined>;
  /**
   * Sends a request and waits for its reply. When the server is at its limit the request waits its turn.
   * @throws CutpointError what the handler threw; CUT_CANCELLED, CUT_DEADLINE, CUT_CONNECTION_LOST, CUT_DISPOSED;
   *   CUT_OVERLOADED if too many wait; CUT_WIRE_TOO_LARGE or CUT_INPUT if it cannot be sent.
   */
  request(request: OutgoingRequest, options?: RequestOptions): Promise<Reply>;
  /** Bytes of requests that the server has not answered yet, also of those that were given up: so much may be on the way. */
  readonly unansweredBytes: number;
  /** Round trip of an empty frame in microseconds. @throws CutpointError CUT_CONNECTION_LOST, CUT_OVERLOADED */
  ping(): Promise<number>;
  /**
   * Says goodbye and closes; pending requests are rejected with CUT_DISPOSED. With a reason it closes at once, without a word
   * or another byte, and the reason is what they are rejected with.
   */
  close(reason?: CutpointError): Promise<void>;
}
