import { CutpointError } from '@cutpoint/core';
import type { CacheKind, DecoderConfig } from '@cutpoint/llm';
import { KvCache, shardNames, valueNames } from '@cutpoint/llm/parts';
import { runError } from '@cutpoint/runtime';
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import type { RankGroup } from '../group/rank-group.js';
import { headRunsOf } from '../shard/division.js';
import { type HalfSessions, openAllHalves, openShardHead, type Shard } from './half-sessions.js';
import { type NativeWork, ungated } from './native-work.js';
import { AttentionFeeds, type Feeds, hiddenTensor } from './pass-feeds.js';
import { openWindowedHalves } from './windowed-halves.js';

export interface EngineOptions {
  /** Threads inside one operator. */
  readonly threads: number;
  readonly cache: CacheKind;
  /** What weights of half layers may take in memory; not given: all stay. */
  readonly windowBytes?: number;
  /** Default: just does it. */
  readonly native?: NativeWork;
}

type Values = Float32Array<ArrayBuffer>;

/** One rank's part of a decoder: runs its shard, and adds up with the other ranks behind each half layer. Blocks its thread. */
export class ShardEngine {
  readonly config: DecoderConfig;
  readonly #shard: Shard;
  readonly #halves: HalfSessions;
  readonly #head: InferenceSession | undefined;
  readonly #group: RankGroup;
  readonly #cacheKind: CacheKind;
  readonly #native: NativeWork;
  readonly #feeds: AttentionFeeds;
  #computeMs = 0;

  private constructor(
    shard: Shard,
    halves: HalfSessions,
    head: InferenceSession | undefined,
    group: RankGroup,
    { cache, native = ungated }: EngineOptions,
  ) {
    const { config, slice } = shard.manifest;
    this.config = config;
    this.#shard = shard;
    this.#halves = halves;
    this.#head = head;
    this.#group = group;
    this.#cacheKind = cache;
    this.#native = native;
    this.#feeds = new AttentionFeeds(config, headRunsOf(config, slice));
  }

  /** @throws CutpointError as `openGraph`, or `openWindowedHalves` where there is a window; the group stays open. */
  static async open(shard: Shard, group: RankGroup, options: EngineOptions): Promise<ShardEngine> {
    const { native = ungated } = options;
    const head = await native(() => openShardHead(shard, options));
    try {
      const { windowBytes } = options;
      const halves = await native(
        async () =>
          await (windowBytes === undefined
            ? openAllHalves(shard, options)
            : openWindowedHalves(shard, options, windowBytes)),
      );
      return new ShardEngine(shard, halves, head, group, { ...options, native });
    } catch (thrown) {
      await head?.release();
      throw thrown;
    }
  }

  /** An empty cache for a sequence's keys and values in this shard. */
  cache(): KvCache {
    const { layers, headSize } = this.config;
    const { from, to } = this.#shard.manifest.slice.kvHeads;
    return new KvCache({ kind: this.#cacheKind, layers, kvHeads: to - from, headSize });
  }

  /**
   * Runs tokens through all layers, together with the other ranks, and adds them to the cache.
   * @param hidden [tokens, hiddenSize], the same at all ranks. @param rows tokens whose logits are wanted.
   * @returns logits [rows, own tokens of the vocabulary].
   * @throws CutpointError CUT_RUN, CUT_RANK_LOST; the cache is then as it was, and the group ends.
   */
  async pass(cache: KvCache, hidden: Values, rows: readonly number[]): Promise<Values> {
    try {
      return await this.#pass(cache, hidden, rows);
    } catch (thrown) {
      const error = thrown instanceof CutpointError ? thrown : runError(thrown);
      // The other ranks wait for this one.
      this.#group.end(error);
      throw error;
    }
  }

  /** In which sessions ran, since this was called last. */
  takeComputeMs(): number {
    const spent = this.#computeMs;
    this.#computeMs = 0;
    return spent;
  }

  async release(): Promise<void> {
    await this.#head?.release();
    await this.#halves.release();
  }

  async #pass(cache: KvCache, hidden: Values, rows: readonly number[]): Promise<Values> {
    const tokens = hidden.length / this.config.hiddenSize;
    cache.reserve(cache.tokens + tokens);
    this.#feeds.reach(cache.capacity);
    const position = this.#feeds.position(cache.tokens + tokens);
    let feeds: Feeds = { [shardNames.residual]: hiddenTensor(hidden, this.config) };
    for (let layer = 0; layer < this.config.layers; layer++) {
      const attention = { ...feeds, ...position, ...this.#feeds.layer(cache, layer) };
      feeds = await this.#half(2 * layer, attention, feeds, (results) => {
        const keys = floats(results, valueNames.presentKey(layer));
        const values = floats(results, valueNames.presentValue(layer));
        cache.write(layer, keys, values, tokens, this.#feeds.tablesOf(layer));
      });
      feeds = await this.#half(2 * layer + 1, feeds, feeds);
    }
    cache.advance(tokens);
    return await this.#logits(feeds, rows);
  }

  /**
   * @param before what went into it of the residual stream.
   * @param meanwhile done with the results while the sum is under way.
   * @returns the residual stream and the sum, for the next.
   */
  async #half(
    half: number,
    feeds: Feeds,
    before: Feeds,
    meanwhile: (results: InferenceSession.OnnxValueMapType) => void = () => {},
  ): Promise<Feeds> {
    const results = await this.#run(await this.#halves.take(half), feeds);
    const sum = floats(results, shardNames.partial);
    const summing = this.#group.allReduce(sum);
    meanwhile(results);
    await this.#halves.giveBack(half);
    await summing;
    const residual = half === 0 ? before[shardNames.residual] : results[shardNames.residualOut];
    if (!(residual instanceof Tensor))
      throw new CutpointError('CUT_RUN', `The graph did not give the residual stream.`);
    return { [shardNames.residual]: residual, [shardNames.update]: hiddenTensor(sum, this.config) };
  }

  async #logits(feeds: Feeds, rows: readonly number[]): Promise<Values> {
    if (this.#head === undefined || rows.length === 0) return new Float32Array(0);
    const wanted = new Tensor('int64', new BigInt64Array(rows.map(BigInt)), [rows.length]);
    return floats(await this.#run(this.#head, { ...feeds, [valueNames.logitsRows]: wanted }), valueNames.logits);
  }

  async #run(session: InferenceSession, feeds: Feeds): Promise<InferenceSession.OnnxValueMapType> {
    const from = performance.now();
    const results = await this.#native(() => session.run(feeds));
    this.#computeMs += performance.now() - from;
    return results;
  }
}

function floats(results: InferenceSession.OnnxValueMapType, name: string): Values {
  const value = results[name];
  if (value instanceof Tensor && value.data instanceof Float32Array) return value.data as Values;
  throw new CutpointError('CUT_RUN', `The graph did not give the f32 tensor '${name}'.`);
}
