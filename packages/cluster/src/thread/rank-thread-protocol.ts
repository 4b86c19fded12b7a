import type { ErrorCode } from '@cutpoint/core';
import type { Shard } from '../engine/half-sessions.js';
import type { EngineOptions } from '../engine/shard-engine.js';
import type { RankAddress } from '../group/data-port.js';
import type { ReduceRule } from '../group/rank-group.js';

/** What a rank's computing thread begins with. */
export interface RankThreadRequest extends Omit<EngineOptions, 'native' | 'onNoSlots' | 'signal'> {
  /** Complete by the time it is told to join. */
  readonly shard: Shard;
  readonly chunkTokens: number;
  /** Where it listens for the ranks above it. */
  readonly host: string;
  readonly cluster: string;
  readonly key: string;
  /** Whether ranks encrypt what they say to one another. */
  readonly encrypts: boolean;
  readonly spin: boolean;
  /** Of `Silences`. */
  readonly silences: SharedArrayBuffer;
  /** Of `Faults`. */
  readonly faults: SharedArrayBuffer;
}

export interface JoinMessage {
  readonly kind: 'join';
  /** Of all ranks, in their order; null where nobody connects to. */
  readonly addresses: readonly (RankAddress | null)[];
  /** None: as the ranks find best when they have measured their links. */
  readonly rules: readonly ReduceRule[];
}

/** What is said to the thread about its group; `end` closes its sockets, so that whatever waits for other ranks fails. */
export type ToRankThread = JoinMessage | { readonly kind: 'end'; readonly code: ErrorCode; readonly message: string };

/** What it says: where it listens, that its shard is loaded and all ranks are connected, or why that failed or ended. */
export type FromRankThread =
  | { readonly kind: 'listening'; readonly port: number }
  /** Of rank 0, where the ranks chose: why, a line for each size of sum. */
  | { readonly kind: 'chosen'; readonly explanation: readonly string[] }
  /** What passes through its window is opened each time, and why. */
  | { readonly kind: 'no-slots'; readonly why: string }
  | { readonly kind: 'ready' }
  | { readonly kind: 'ended' }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string };
