import type { CutpointError } from '@cutpoint/core';

/** What a link tells its owner. */
export interface LinkEvents {
  /** Bytes arrived. `owned`: nobody else uses the chunk's memory from now on; else it may change once this returns. */
  onData(chunk: Uint8Array, owned: boolean): void;
  /** Where a link that can choose should put the next bytes; it then calls `onFilled` instead of `onData`. */
  target(): Uint8Array | undefined;
  onFilled(bytes: number): void;
  /** After `write` returned false: more may be written now. */
  onDrain(): void;
  /** The link is gone, called exactly once; `error` is absent if the other side ended it in good order. */
  onClose(error?: CutpointError): void;
}

/** A two-way pipe of bytes: what a transport provides. Nothing arrives before `start`. */
export interface Link {
  /** A large frame is written in steps of this size, so that its progress can be seen and little is buffered. */
  readonly stepBytes: number;
  start(events: LinkEvents): void;
  /** Sends the parts in order. False: enough is buffered, wait for `onDrain`. The bytes must not change until then. */
  write(parts: readonly Uint8Array[]): boolean;
  /** Stops reading, so that the other side's writes come to a halt. */
  pause(): void;
  resume(): void;
  /** Sends what was written and then closes. */
  end(): void;
  /** Closes at once. */
  destroy(): void;
}
