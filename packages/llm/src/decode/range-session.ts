import { CutpointError } from '@cutpoint/core';
import { runError } from '@cutpoint/runtime/browser';
import * as ort from 'onnxruntime-common';
import type { DecoderConfig } from '../architecture/decoder-config.js';
import type { CacheKind } from '../graph/cache-kind.js';
import { ropesOf } from '../graph/decoder-graph.js';
import { valueNames } from '../graph/names.js';
import type { LayerRange } from '../graph/range.js';
import type { CacheRows } from './cache-rows.js';
import { KvCache } from './kv-cache.js';
import { type RopeTables, ropeTables } from './rope-tables.js';

/** What one pass gives: hidden states [tokens, hiddenSize], or of a range with head logits [rows, vocabularySize]. */
export type PassResult = Float32Array<ArrayBuffer>;

/** One onnxruntime session over a range of layers, of Node or of a browser. It blocks the thread that it is used on. */
export class RangeSession {
  readonly #session: ort.InferenceSession;
  readonly #ropes: readonly number[];
  #tables: RopeTables[] = [];

  /** @param cacheKind as the session's graph has it. */
  constructor(
    session: ort.InferenceSession,
    readonly config: DecoderConfig,
    readonly range: LayerRange,
    readonly cacheKind: CacheKind,
  ) {
    this.#session = session;
    this.#ropes = ropesOf(config, range);
  }

  /** An empty cache for a sequence in this range. */
  cache(): KvCache {
    const { kvHeads, headSize } = this.config;
    return new KvCache({ kind: this.cacheKind, layers: this.range.to - this.range.from, kvHeads, headSize });
  }

  /**
   * Runs tokens through the range behind those in the cache, and adds them to it.
   * @param hidden [tokens, hiddenSize].
   * @param rows of a range with head: the tokens of this pass whose logits are wanted.
   * @throws CutpointError CUT_RUN; the cache is then as it was.
   */
  async pass(cache: KvCache, hidden: Float32Array<ArrayBuffer>, rows: readonly number[]): Promise<PassResult> {
    const valueNamed = await this.run(cache, hidden, rows);
    return valueNamed(this.range.head ? valueNames.logits : valueNames.hiddenOut);
  }

  /** As `pass`, and gives all that leaves the graph, by name. */
  async run(
    cache: KvCache,
    hidden: Float32Array<ArrayBuffer>,
    rows: readonly number[],
  ): Promise<(name: string) => Float32Array<ArrayBuffer>> {
    const tokens = hidden.length / this.config.hiddenSize;
    cache.reserve(cache.tokens + tokens);
    this.#reachPosition(cache.capacity);
    const results = await this.#session.run(this.#feeds(cache, hidden, tokens, rows)).catch((thrown: unknown) => {
      throw runError(thrown);
    });
    this.#store(cache, results, tokens);
    return (name) => floats(results, name);
  }

  async release(): Promise<void> {
    await this.#session.release();
  }

  #reachPosition(positions: number): void {
    if ((this.#tables[0]?.positions ?? 0) >= positions) return;
    const { ropes, headSize } = this.config;
    this.#tables = ropes.map((rope) => ropeTables(rope, headSize, positions));
  }

  #feeds(cache: KvCache, hidden: Float32Array, tokens: number, rows: readonly number[]) {
    const { hiddenSize, headSize } = this.config;
    const { from, to, head } = this.range;
    const feeds: Record<string, ort.Tensor> = {
      [valueNames.hidden]: new ort.Tensor('float32', hidden, [1, tokens, hiddenSize]),
    };
    if (head)
      feeds[valueNames.logitsRows] = new ort.Tensor('int64', new BigInt64Array(rows.map(BigInt)), [rows.length]);
    if (from === to) return feeds;
    const total = cache.tokens + tokens;
    feeds[valueNames.lastPosition] = new ort.Tensor('int32', new Int32Array([total - 1]), [1]);
    feeds[valueNames.totalTokens] = new ort.Tensor('int32', new Int32Array([total]), []);
    for (const rope of this.#ropes) {
      const { cosines, sines, positions } = this.#table(rope);
      feeds[valueNames.cosines(rope)] = new ort.Tensor('float32', cosines, [positions, headSize / 2]);
      feeds[valueNames.sines(rope)] = new ort.Tensor('float32', sines, [positions, headSize / 2]);
    }
    for (let layer = from; layer < to; layer++) {
      this.#feedPast(feeds, valueNames.pastKey(layer), cache.keys[layer - from]);
      this.#feedPast(feeds, valueNames.pastValue(layer), cache.values[layer - from]);
    }
    return feeds;
  }

  #feedPast(feeds: Record<string, ort.Tensor>, name: string, past: CacheRows | undefined): void {
    if (past === undefined) throw new RangeError(`The cache has no ${name}.`);
    const { kvHeads, headSize } = this.config;
    const { elements, scales } = past;
    const shape = [1, kvHeads, elements.length / (kvHeads * headSize), headSize];
    if (elements instanceof Float32Array) feeds[name] = new ort.Tensor('float32', elements, shape);
    else if (elements instanceof Uint16Array) feeds[name] = new ort.Tensor('float16', elements, shape);
    else {
      feeds[name] = new ort.Tensor('int8', elements, [scales.length, headSize]);
      feeds[valueNames.scalesOf(name)] = new ort.Tensor('float32', scales, [scales.length]);
    }
  }

  #store(cache: KvCache, results: ort.InferenceSession.OnnxValueMapType, tokens: number): void {
    const { from, to } = this.range;
    for (let layer = from; layer < to; layer++) {
      const tables = this.#table(this.config.attention[layer]?.rope ?? 0);
      const keys = floats(results, valueNames.presentKey(layer));
      const values = floats(results, valueNames.presentValue(layer));
      cache.write(layer - from, keys, values, tokens, tables);
    }
    cache.advance(tokens);
  }

  #table(rope: number): RopeTables {
    const table = this.#tables[rope];
    if (table !== undefined) return table;
    throw new CutpointError('CUT_PACKAGE', `The manifest's config has no rope ${rope}.`);
  }
}

function floats(results: ort.InferenceSession.OnnxValueMapType, name: string): Float32Array<ArrayBuffer> {
  const value = results[name];
  // Each runtime has tensors of a class of its own.
  const data = (value as ort.Tensor | undefined)?.data;
  if (data instanceof Float32Array) return data as Float32Array<ArrayBuffer>;
  throw new CutpointError('CUT_RUN', `The graph did not give the f32 tensor '${name}'.`);
}
