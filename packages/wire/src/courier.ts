import type { CutpointError } from '@cutpoint/core';

/** What a courier tells its owner. */
export interface CourierEvents {
  /** A message for this device; `from` is who sent it, as the broker vouches for it. */
  onMessage(from: string, message: Uint8Array): void;
  /** The broker is out of reach: what was under way may be lost. Messages may come again later. */
  onLost(error: CutpointError): void;
}

/**
 * Carries messages between this device and others through a broker: what the mqtt transport is given from outside.
 * Messages from one device to another keep their order; some may come twice, and some may be lost with a connection.
 */
export interface Courier {
  /** The name of this device. */
  readonly device: string;
  /** Longest message that the broker takes. */
  readonly maxMessageBytes: number;
  /** Called once, before anything is published. */
  start(events: CourierEvents): void;
  /**
   * Settles when the broker has taken the message, which must not change until then.
   * @throws CutpointError CUT_CONNECTION_LOST if the broker is out of reach.
   */
  publish(to: string, message: Uint8Array): Promise<void>;
  /** Stops listening; the connection to the broker belongs to whoever made it. */
  close(): void;
}
