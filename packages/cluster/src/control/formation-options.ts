import type { CacheKind, Package } from '@cutpoint/llm';
import type { RankAddress } from '../group/data-port.js';
import type { ReduceRule } from '../group/rank-group.js';
import type { Division } from '../shard/division.js';
import type { OnUnfit } from './rank-losses.js';
import type { ShardStore } from './shard-store.js';

/** A package, and what tells it from others. */
export interface HashedPackage extends Package {
  /** SHA-256 of its manifest. */
  readonly hash: string;
}

export interface FormationOptions {
  readonly made: HashedPackage;
  readonly division: Division;
  readonly store: ShardStore;
  /** Of each rank, inside one operator. */
  readonly threads: number;
  readonly cache: CacheKind;
  readonly chunkTokens: number;
  /** Whether threads that wait for others keep their core. */
  readonly spin: boolean;
  /** How all-reduces are done. Default: as the ranks find best when they have measured their links. */
  readonly rules?: readonly ReduceRule[] | undefined;
  /** Where a rank reaches a higher one, if not where that listens: through a relay that emulates a link. */
  readonly route?: ((from: number, to: number, address: RankAddress) => Promise<RankAddress>) | undefined;
  /** What weights of half layers may take in memory, of each rank. Default: all stay. */
  readonly windowBytes?: readonly number[] | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called if the others are better brought together without a rank, before what waits for it fails. */
  readonly onUnfit?: OnUnfit | undefined;
  /** Called if what passes through the window of rank 0 is opened each time, with why. */
  readonly onNoSlots?: ((why: string) => void) | undefined;
  /** Called with the bytes of shards that are in their place, and of all. */
  readonly onShards?: ((doneBytes: number, totalBytes: number) => void) | undefined;
}
