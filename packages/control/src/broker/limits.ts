import { maxMessageBytes } from '../messages.js';

/** What the embedded broker bears. */
export interface BrokerLimits {
  /** Connections in all; more are not accepted. */
  readonly maxConnections: number;
  /** Connections that have not been let in yet, TLS handshakes among them. */
  readonly maxNewcomers: number;
  /** A connection that has not been let in after this is closed, however busily it sends. */
  readonly connectDeadlineMs: number;
  /** Longest packet before a client was let in. */
  readonly maxConnectBytes: number;
  /** Longest packet. */
  readonly maxPacketBytes: number;
  /** What may wait for one slow client, and for all: beyond it the client is dropped. */
  readonly maxQueuedBytes: number;
  readonly maxQueuedBytesInAll: number;
  /** What one device may send; it is read more slowly beyond it. Servers are not slowed down. */
  readonly packetsPerSecond: number;
  readonly bytesPerSecond: number;
  /** What one device may say on its channels, tensors for other devices not counted: it is disconnected beyond it. */
  readonly channelBytesPerSecond: number;
  /** Longest silence that a client may ask for, in s; it has to ping within. */
  readonly maxKeepAliveSeconds: number;
  /** Filters that one client may subscribe to. */
  readonly maxSubscriptions: number;
  /** Topics with a retained message, and their bytes in all. */
  readonly maxRetained: number;
  readonly maxRetainedBytes: number;
}

export const defaultBrokerLimits: BrokerLimits = {
  maxConnections: 8192,
  maxNewcomers: 2048,
  connectDeadlineMs: 10_000,
  maxConnectBytes: 8 * 1024,
  // A topic and its lengths come on top of the payload.
  maxPacketBytes: maxMessageBytes + 1024,
  maxQueuedBytes: 8 * 1024 * 1024,
  maxQueuedBytesInAll: 256 * 1024 * 1024,
  packetsPerSecond: 1000,
  bytesPerSecond: 64 * 1024 * 1024,
  channelBytesPerSecond: 1024 * 1024,
  maxKeepAliveSeconds: 60,
  maxSubscriptions: 64,
  maxRetained: 30_000,
  maxRetainedBytes: 256 * 1024 * 1024,
};
