import type { JsonLimits } from './json-limits.js';

/** Everything that a caller could make grow or last has a limit. */
export interface HttpLimits extends JsonLimits {
  /** Largest body of a request whose route names no other. */
  readonly maxPlainBytes: number;
  readonly maxHeaderBytes: number;
  /** Bytes that the bodies of all requests under way may take. */
  readonly maxHeldBytes: number;
  readonly maxUnderWay: number;
  readonly maxConnections: number;
  /** How long a connection may take to send the head of a request. */
  readonly headTimeoutMs: number;
  /** How long a connection may take to send a whole request. */
  readonly requestTimeoutMs: number;
  /** How long a connection may be silent between two requests. */
  readonly idleTimeoutMs: number;
  /** Deadline of a request that comes without one. */
  readonly timeoutMs: number;
  /** The longest deadline that a caller may ask for. */
  readonly maxTimeoutMs: number;
  /** How many callers with a wrong token, or none, one address may be within a minute before those have to wait. */
  readonly maxFailures: number;
  /** After how many such callers within a minute tokens are not looked at any more that were never good. */
  readonly maxGuesses: number;
}

const mib = 1024 ** 2;

/** The limits where nothing else is set. */
export const defaultHttpLimits: HttpLimits = {
  maxPlainBytes: 256 * 1024,
  maxHeaderBytes: 16 * 1024,
  maxHeldBytes: 256 * mib,
  maxDepth: 32,
  maxValues: 2_000_000,
  maxUnderWay: 256,
  maxConnections: 1024,
  headTimeoutMs: 5_000,
  requestTimeoutMs: 60_000,
  idleTimeoutMs: 60_000,
  timeoutMs: 30_000,
  maxTimeoutMs: 600_000,
  maxFailures: 20,
  maxGuesses: 600,
};
