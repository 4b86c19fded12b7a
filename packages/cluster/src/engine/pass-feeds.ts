import { CutpointError } from '@cutpoint/core';
import type { DecoderConfig } from '@cutpoint/llm';
import {
  type CacheRows,
  type HeadRun,
  type KvCache,
  type RopeTables,
  ropeTables,
  valueNames,
} from '@cutpoint/llm/parts';
import { Tensor } from 'onnxruntime-node';

export type Feeds = Record<string, Tensor>;

/** f32 [1, tokens, hiddenSize]. */
export function hiddenTensor(values: Float32Array, { hiddenSize }: DecoderConfig): Tensor {
  return new Tensor('float32', values, [1, values.length / hiddenSize, hiddenSize]);
}

/** What attention takes beside the residual stream: the position, the tables of ropes, and the past. */
export class AttentionFeeds {
  readonly #config: DecoderConfig;
  readonly #runs: readonly HeadRun[];
  #tables: RopeTables[] = [];
  #ropeTensors: { readonly cosines: Tensor; readonly sines: Tensor }[] = [];
  /** The tensors of a cache's arrays, which are others once it has grown. */
  readonly #past = new WeakMap<KvCache, { readonly capacity: number; readonly layers: readonly Feeds[] }>();

  constructor(config: DecoderConfig, runs: readonly HeadRun[]) {
    this.#config = config;
    this.#runs = runs;
  }

  /** Makes the tables long enough for what a cache has room for. */
  reach(positions: number): void {
    if ((this.#tables[0]?.positions ?? 0) >= positions) return;
    const { ropes, headSize } = this.#config;
    this.#tables = ropes.map((rope) => ropeTables(rope, headSize, positions));
    const shape = [positions, headSize / 2];
    this.#ropeTensors = this.#tables.map(({ cosines, sines }) => ({
      cosines: new Tensor('float32', cosines, shape),
      sines: new Tensor('float32', sines, shape),
    }));
  }

  /** The tables that turn a layer's keys. */
  tablesOf(layer: number): RopeTables {
    const table = this.#tables[this.#config.attention[layer]?.rope ?? 0];
    if (table !== undefined) return table;
    throw new CutpointError('CUT_PACKAGE', `The manifest's config states no rope of the layer ${layer}.`);
  }

  /** Of all layers of one pass. @param total tokens in the cache and of this pass. */
  position(total: number): Feeds {
    return {
      [valueNames.lastPosition]: new Tensor('int32', new Int32Array([total - 1]), [1]),
      [valueNames.totalTokens]: new Tensor('int32', new Int32Array([total]), []),
    };
  }

  /** Of one layer: its ropes and its past. */
  layer(cache: KvCache, layer: number): Feeds {
    const known = this.#past.get(cache);
    if (known?.capacity === cache.capacity) return known.layers[layer] ?? {};
    const layers = this.#config.attention.map((_, each) => this.#layerFeeds(cache, each));
    this.#past.set(cache, { capacity: cache.capacity, layers });
    return layers[layer] ?? {};
  }

  #layerFeeds(cache: KvCache, layer: number): Feeds {
    const rope = this.#config.attention[layer]?.rope ?? 0;
    const tables = this.#ropeTensors[rope];
    const feeds: Feeds =
      tables === undefined
        ? {}
        : { [valueNames.cosines(rope)]: tables.cosines, [valueNames.sines(rope)]: tables.sines };
    for (const [name, rows] of [
      [valueNames.pastKey(0), cache.keys[layer]],
      [valueNames.pastValue(0), cache.values[layer]],
    ] as const) {
      let firstHead = 0;
      for (const [run, { kvHeads }] of this.#runs.entries()) {
        if (rows !== undefined) this.#feedPast(feeds, valueNames.pastOfRun(name, run), rows, firstHead, kvHeads, cache);
        firstHead += kvHeads;
      }
    }
    return feeds;
  }

  #feedPast(feeds: Feeds, name: string, rows: CacheRows, first: number, heads: number, { capacity }: KvCache): void {
    const { headSize } = this.#config;
    const [from, to] = [first * capacity, (first + heads) * capacity];
    const elements = rows.elements.subarray(from * headSize, to * headSize);
    const shape = [1, heads, capacity, headSize];
    if (elements instanceof Float32Array) feeds[name] = new Tensor('float32', elements, shape);
    else if (elements instanceof Uint16Array) feeds[name] = new Tensor('float16', elements, shape);
    else {
      feeds[name] = new Tensor('int8', elements, [to - from, headSize]);
      feeds[valueNames.scalesOf(name)] = new Tensor('float32', rows.scales.subarray(from, to), [to - from]);
    }
  }
}
