import { CutpointError } from '@cutpoint/core';
import type { KvCache } from '@cutpoint/llm/parts';
import { collectGarbage } from '@cutpoint/llm/parts';
import type { RankGroup } from '../group/rank-group.js';
import { checkedSum } from './checked-sum.js';
import { type ClusterMessage, decodeMessage, mostMessageBytes } from './cluster-message.js';
import { costNumbers, rankCost } from './rank-costs.js';
import type { PassOptions, ShardEngine } from './shard-engine.js';

/** More texts at once than a small machine has memory for. */
const mostSequences = 1024;

/**
 * Does what rank 0 says until it says that it is over.
 * @param chunkTokens tokens of a pass, at most.
 * @throws CutpointError as `RankGroup.nextBroadcast` and `ShardEngine.pass` do; CUT_RANK_LOST if rank 0 says nonsense.
 */
export async function follow(engine: ShardEngine, group: RankGroup, chunkTokens: number): Promise<void> {
  const caches = new Map<number, KvCache>();
  const mostBytes = mostMessageBytes(chunkTokens, engine.config.hiddenSize);
  for (;;) {
    const message = decodeMessage(await group.nextBroadcast(mostBytes), engine.config.hiddenSize);
    if (message.kind === 'end') return;
    if (message.kind === 'drop') caches.delete(message.sequence);
    else {
      const cache = cacheOf(caches, message.sequence, engine);
      if (message.kind === 'clone') {
        requirePlace(caches, message.into);
        caches.set(message.into, cache.clonePrefix(message.tokens));
      } else await pass(engine, group, cache, message);
    }
  }
}

async function pass(
  engine: ShardEngine,
  group: RankGroup,
  cache: KvCache,
  { held, hidden, allRows, checks }: ClusterMessage & { kind: 'pass' },
): Promise<void> {
  const tokens = hidden.length / engine.config.hiddenSize;
  if (held > cache.tokens || held + tokens > engine.config.contextTokens) {
    const message = `Rank 0 speaks of ${held} tokens before ${tokens}, but this rank holds ${cache.tokens}.`;
    throw new CutpointError('CUT_RANK_LOST', message);
  }
  // What was spent on waiting for rank 0 to say something is nobody's cost.
  group.takeCost();
  cache.truncate(held);
  const rows = allRows ? Array.from({ length: tokens }, (_, row) => row) : [tokens - 1];
  const how: PassOptions = checks ? { sum: (values) => checkedSum(group, values) } : {};
  const logits = await engine.pass(cache, hidden, rows, how);
  const cost = costNumbers(rankCost(engine.takeComputeMs(), group.takeCost()), engine.windowReport());
  const given = new Float32Array(logits.length + cost.length);
  given.set(logits);
  given.set(cost, logits.length);
  group.contribute(given);
  if (tokens > 1) collectGarbage('young');
}

function cacheOf(caches: Map<number, KvCache>, sequence: number, engine: ShardEngine): KvCache {
  const known = caches.get(sequence);
  if (known !== undefined) return known;
  requirePlace(caches, sequence);
  const cache = engine.cache();
  caches.set(sequence, cache);
  return cache;
}

/** @throws CutpointError CUT_RANK_LOST if rank 0 wants one text too many. */
function requirePlace(caches: ReadonlyMap<number, KvCache>, sequence: number): void {
  if (caches.size < mostSequences || caches.has(sequence)) return;
  throw new CutpointError('CUT_RANK_LOST', `Rank 0 has more than ${mostSequences} texts under way.`);
}
