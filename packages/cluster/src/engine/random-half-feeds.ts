import { KvCache, shardNames } from '@cutpoint/llm/parts';
import { headRunsOf } from '../shard/division.js';
import type { HalfOptions, Shard } from './half-sessions.js';
import { AttentionFeeds, type Feeds, hiddenTensor } from './pass-feeds.js';

/** Tokens that a half layer is tried with. */
const triedTokens = 2;

/** What a half layer takes, at the begin of a text, with random hidden states. */
export function randomHalfFeeds({ manifest }: Shard, half: number, { cache: kind }: HalfOptions): Feeds {
  const { config, slice } = manifest;
  const hidden = () =>
    hiddenTensor(
      Float32Array.from({ length: triedTokens * config.hiddenSize }, () => Math.random() - 0.5),
      config,
    );
  const stream = { [shardNames.residual]: hidden(), ...(half === 0 ? {} : { [shardNames.update]: hidden() }) };
  if (half % 2 === 1) return stream;
  const { layers, headSize } = config;
  const cache = new KvCache({ kind, layers, kvHeads: slice.kvHeads.to - slice.kvHeads.from, headSize });
  cache.reserve(triedTokens);
  const attention = new AttentionFeeds(config, headRunsOf(config, slice));
  attention.reach(cache.capacity);
  return { ...stream, ...attention.position(triedTokens), ...attention.layer(cache, half / 2) };
}
