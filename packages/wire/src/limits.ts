/** Everything on a connection that could grow has a limit; these are per connection unless the name says otherwise. */
export interface WireLimits {
  /** Largest frame this side accepts, headers and padding included; announced in the hello. */
  readonly maxFrameBytes: number;
  /** Largest msgpack header of a frame; announced in the hello. */
  readonly maxHeaderBytes: number;
  /** Most tensors in one frame; announced in the hello. */
  readonly maxTensors: number;
  /** Most requests a server works on at a time; announced in the hello, and a client keeps to it. */
  readonly maxRequests: number;
  /** Most requests that wait in a client because the server already works on `maxRequests`. */
  readonly maxQueued: number;
  /** A server stops reading while the requests it works on and the replies it could not send yet hold more than this. */
  readonly maxHeldBytes: number;
  /** Most connections of one listener. */
  readonly maxConnections: number;
  /** Most connections of one listener that have not said hello yet. */
  readonly maxStrangers: number;
  /** How long a connection may take to say hello. */
  readonly helloTimeoutMs: number;
  /** A peer from which nothing arrives, and which takes nothing, for this long counts as lost. */
  readonly silenceMs: number;
}

/** What a frame may be, as its receiver announces it. */
export type FrameLimits = Pick<WireLimits, 'maxFrameBytes' | 'maxHeaderBytes' | 'maxTensors'>;

/** The limits where the caller sets none. */
export const defaultLimits: WireLimits = {
  maxFrameBytes: 1024 ** 3,
  maxHeaderBytes: 1024 ** 2,
  maxTensors: 4096,
  maxRequests: 64,
  maxQueued: 1024,
  maxHeldBytes: 256 * 1024 ** 2,
  maxConnections: 1024,
  maxStrangers: 64,
  helloTimeoutMs: 5_000,
  silenceMs: 15_000,
};

/** What holds before the hello is accepted: nobody unknown makes this side allocate more than a page. */
export const strangerFrameBytes = 4096;

/** Longer timers than this overflow in Node. */
export const maxTimerMs = 2 ** 31 - 1;
