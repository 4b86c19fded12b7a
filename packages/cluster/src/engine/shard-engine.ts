import { type CancelSignal, CutpointError } from '@cutpoint/core';
import type { CacheKind, DecoderConfig } from '@cutpoint/llm';
import { KvCache, shardNames, valueNames } from '@cutpoint/llm/parts';
import { runError } from '@cutpoint/runtime';
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import type { RankGroup } from '../group/rank-group.js';
import { headRunsOf } from '../shard/division.js';
import { CollectionPace } from './collection-pace.js';
import {
  type HalfSession,
  type HalfSessions,
  type HalvesReport,
  openAllHalves,
  openShardHead,
  type Shard,
} from './half-sessions.js';
import { type NativeWork, ungated } from './native-work.js';
import { AttentionFeeds, type Feeds, hiddenTensor } from './pass-feeds.js';
import { openWindowedHalves, type WindowedOptions } from './windowed-halves.js';

export interface EngineOptions extends Pick<WindowedOptions, 'onNoSlots'> {
  /** Threads inside one operator. */
  readonly threads: number;
  readonly cache: CacheKind;
  /** What weights of half layers may take in memory; not given: all stay. */
  readonly windowBytes?: number | undefined;
  /** Ends what is opened for a window, which may take long. */
  readonly signal?: CancelSignal;
  /** Default: just does it. */
  readonly native?: NativeWork;
}

type Values = Float32Array<ArrayBuffer>;

export interface PassOptions {
  /** Instead of the group's all-reduce, one at a time; all ranks do the same. */
  readonly sum?: (values: Values) => Promise<void>;
  /** Called with the parts of the residual stream behind the last layer: what is not finite in it stays so from layer to layer. */
  readonly onStream?: (part: Float32Array) => void;
}

/** Fewer tokens are not worth computing in two parts: matrices are multiplied faster with many. */
const leastTokensOfLanes = 64;

/** Tokens of a pass that go through the layers together. */
interface Lane {
  /** Its first token within the pass. */
  readonly first: number;
  readonly tokens: number;
  readonly position: Feeds;
  /** The residual stream, and the last sum: complete once `summed` is. */
  stream: Feeds;
  summed: Promise<void>;
}

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
  /** Only where no window bounds the memory. */
  readonly #pace: CollectionPace | undefined;
  #computeMs = 0;

  private constructor(
    shard: Shard,
    halves: HalfSessions,
    head: InferenceSession | undefined,
    group: RankGroup,
    { cache, windowBytes, native = ungated }: EngineOptions,
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
    this.#pace = windowBytes === undefined ? new CollectionPace() : undefined;
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
            : openWindowedHalves(shard, options, windowBytes, options.signal)),
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
  async pass(cache: KvCache, hidden: Values, rows: readonly number[], options: PassOptions = {}): Promise<Values> {
    this.#pace?.begin(hidden.length / this.config.hiddenSize);
    try {
      return await this.#pass(cache, hidden, rows, options);
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

  /** What its window does; undefined without one. */
  windowReport(): HalvesReport | undefined {
    return this.#halves.report();
  }

  async release(): Promise<void> {
    await this.#head?.release();
    await this.#halves.release();
  }

  async #pass(
    cache: KvCache,
    hidden: Values,
    rows: readonly number[],
    { sum, onStream }: PassOptions,
  ): Promise<Values> {
    const tokens = hidden.length / this.config.hiddenSize;
    cache.reserve(cache.tokens + tokens);
    this.#feeds.reach(cache.capacity);
    const lanes = this.#lanesOf(hidden, cache.tokens);
    for (let layer = 0; layer < this.config.layers; layer++) {
      const past = this.#feeds.layer(cache, layer);
      await this.#half(
        2 * layer,
        lanes,
        sum,
        (lane) => ({ ...lane.position, ...past }),
        (lane, results) => {
          const keys = floats(results, valueNames.presentKey(0));
          const values = floats(results, valueNames.presentValue(0));
          cache.write(layer, keys, values, lane.tokens, this.#feeds.tablesOf(layer), lane.first);
        },
      );
      await this.#half(2 * layer + 1, lanes, sum);
    }
    cache.advance(tokens);
    const logits = await this.#logits(lanes, rows);
    if (onStream !== undefined)
      for (const { stream } of lanes) for (const name of Object.keys(stream)) onStream(floats(stream, name));
    return logits;
  }

  /**
   * Parts of a pass that take turns: while one computes, the sum of the other is under way. A later one sees the keys and
   * values of those before it, layer by layer.
   */
  #lanesOf(hidden: Values, held: number): Lane[] {
    const { hiddenSize } = this.config;
    const tokens = hidden.length / hiddenSize;
    const counts =
      tokens < leastTokensOfLanes || this.#group.ranks === 1 ? [tokens] : [tokens >> 1, tokens - (tokens >> 1)];
    return counts.map((count, i) => {
      const first = i === 0 ? 0 : (counts[0] ?? 0);
      // The runtime takes an array whole, whatever is seen of it.
      const own = counts.length === 1 ? hidden : hidden.slice(first * hiddenSize, (first + count) * hiddenSize);
      return {
        first,
        tokens: count,
        position: this.#feeds.position(held + first + count),
        stream: { [shardNames.residual]: hiddenTensor(own, this.config) },
        summed: Promise.resolve(),
      };
    });
  }

  /** @param sum as `PassOptions.sum`. @param more feeds beside the residual stream. @param onResults called while the sum is under way. */
  async #half(
    half: number,
    lanes: readonly Lane[],
    sum: PassOptions['sum'],
    more: (lane: Lane) => Feeds = () => ({}),
    onResults: (lane: Lane, results: InferenceSession.OnnxValueMapType) => void = () => {},
  ): Promise<void> {
    const session = await this.#native(() => this.#halves.take(half));
    for (const lane of lanes) {
      await lane.summed;
      const results = await this.#run(session, { ...lane.stream, ...more(lane) });
      const partial = floats(results, shardNames.partial);
      lane.summed = sum === undefined ? this.#group.allReduce(partial) : sum(partial);
      // It may fail while the other lane computes.
      lane.summed.catch(() => undefined);
      if (sum !== undefined) await lane.summed;
      onResults(lane, results);
      const residual = half === 0 ? lane.stream[shardNames.residual] : results[shardNames.residualOut];
      if (!(residual instanceof Tensor)) {
        throw new CutpointError('CUT_RUN', 'The graph did not give the residual stream.');
      }
      lane.stream = { [shardNames.residual]: residual, [shardNames.update]: hiddenTensor(partial, this.config) };
    }
    await this.#halves.giveBack(half);
  }

  async #logits(lanes: readonly Lane[], rows: readonly number[]): Promise<Values> {
    const parts: Values[] = [];
    for (const { first, tokens, stream, summed } of lanes) {
      await summed;
      const own = rows.filter((row) => row >= first && row < first + tokens).map((row) => row - first);
      if (this.#head === undefined || own.length === 0) continue;
      const wanted = new Tensor('int64', new BigInt64Array(own.map(BigInt)), [own.length]);
      const results = await this.#run(this.#head, { ...stream, [valueNames.logitsRows]: wanted });
      parts.push(floats(results, valueNames.logits));
    }
    return joined(parts);
  }

  async #run(session: HalfSession, feeds: Feeds): Promise<InferenceSession.OnnxValueMapType> {
    const from = performance.now();
    const results = await this.#native(() => session.run(feeds));
    this.#computeMs += performance.now() - from;
    return results;
  }
}

function joined(parts: readonly Values[]): Values {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return only;
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function floats(results: InferenceSession.OnnxValueMapType, name: string): Values {
  const value = results[name];
  if (value instanceof Tensor && value.data instanceof Float32Array) return value.data as Values;
  throw new CutpointError('CUT_RUN', `The graph did not give the f32 tensor '${name}'.`);
}
