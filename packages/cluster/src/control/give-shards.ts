import { CutpointError } from '@cutpoint/core';
import type { Shard } from '../engine/half-sessions.js';
import { sliceOf } from '../shard/division.js';
import { shardContent } from '../shard/shard-content.js';
import { shardBytes } from '../shard/write-shard.js';
import type { ShardIdentity } from './cluster-protocol.js';
import type { FormationOptions } from './formation-options.js';
import { blaming } from './rank-losses.js';
import type { RemoteRank } from './remote-rank.js';
import { requireMemoryForShard } from './require-memory.js';

/**
 * Gives each rank its shard. If one cannot take it, the others are given no more.
 * @returns that of rank 0, and what the weights of each rank take. @throws CutpointError of the rank that failed first
 */
export async function giveShards(
  others: readonly RemoteRank[],
  { made, division, store, windowBytes, signal, onShards, onUnfit }: FormationOptions,
): Promise<{ shard: Shard; sizes: number[] }> {
  const { manifest, hash } = made;
  const slices = division.heads.map((_, rank) => sliceOf(manifest.config, division, rank));
  const contents = slices.map((slice) => shardContent(made, slice));
  const sizes = contents.map(shardBytes);
  const memoryBytes = sizes.map((bytes, rank) => Math.min(bytes, windowBytes?.[rank] ?? bytes));
  const totalBytes = sizes.reduce((sum, bytes) => sum + bytes, 0);
  const stop = new AbortController();
  const wanted = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  let doneBytes = 0;
  const onBytes = (bytes: number) => {
    doneBytes += bytes;
    onShards?.(doneBytes, totalBytes);
  };
  const give = async (rank: RemoteRank, i: number) => {
    const [slice, content] = [slices[i + 1], contents[i + 1]];
    if (slice === undefined || content === undefined) throw new RangeError(`There is no rank ${i + 1}.`);
    const how = { memoryBytes: memoryBytes[i + 1] ?? 0, signal: wanted, onBytes };
    await blaming(i + 1, rank, onUnfit, () => rank.giveShard({ package: hash, slice }, manifest, content, how));
  };
  const own = async (): Promise<Shard> => {
    const [slice, content] = [slices[0], contents[0]];
    if (slice === undefined || content === undefined) throw new RangeError('There is no rank 0.');
    await requireMemoryForShard(memoryBytes[0] ?? 0);
    const identity: ShardIdentity = { package: hash, slice };
    const found = await store.find(identity, wanted);
    if (found !== undefined) return found;
    const of = { ...identity, name: manifest.name, config: manifest.config };
    return await store.make(of, content, { signal: wanted, onBytes });
  };
  const shard = own();
  const giving = [shard, ...others.map(give)];
  try {
    await Promise.all(giving);
    return { shard: await shard, sizes };
  } catch (thrown) {
    stop.abort(new CutpointError('CUT_CANCELLED', 'Another rank cannot take its shard.'));
    // What is still sent would get in the way of the next shards.
    await Promise.allSettled(giving);
    throw thrown;
  }
}
