import { collectGarbage } from './collect-garbage.js';
import type { ForwardMessage } from './decoder-protocol.js';
import type { KvCache } from './kv-cache.js';
import type { RangeService } from './range-service.js';
import type { RangeSession } from './range-session.js';
import { requireRoom } from './require-room.js';

/**
 * Layers that keep nothing of a sequence between passes: each pass brings the whole text. It runs through one layer after
 * the other, so that the keys and values of one layer alone are in memory, however many layers there are.
 */
export class RecomputingService implements RangeService {
  readonly cacheBytes = 0;
  readonly #layers: readonly RangeSession[];
  readonly #chunkTokens: number;

  /** @param layers a session for each, without head. */
  constructor(layers: readonly RangeSession[], chunkTokens: number) {
    this.#layers = layers;
    this.#chunkTokens = chunkTokens;
  }

  async forward(
    { hidden }: ForwardMessage,
    throwIfCancelled: () => void | Promise<void>,
  ): Promise<Float32Array<ArrayBuffer>> {
    // One for all layers in turn: those of earlier layers would lie in memory until they are collected.
    const cache = this.#layers[0]?.cache();
    for (const layer of this.#layers) {
      cache?.truncate(0);
      if (cache !== undefined) await this.#runLayer(layer, cache, hidden, throwIfCancelled);
    }
    await throwIfCancelled();
    return hidden;
  }

  /** What comes out of the layer takes the place of what went in. */
  async #runLayer(
    layer: RangeSession,
    cache: KvCache,
    hidden: Float32Array<ArrayBuffer>,
    throwIfCancelled: () => void | Promise<void>,
  ): Promise<void> {
    const { hiddenSize, contextTokens } = layer.config;
    const tokens = hidden.length / hiddenSize;
    requireRoom(tokens, contextTokens);
    cache.reserve(tokens);
    for (let from = 0; from < tokens; from += this.#chunkTokens) {
      await throwIfCancelled();
      const rows = hidden.subarray(from * hiddenSize, Math.min(tokens, from + this.#chunkTokens) * hiddenSize);
      rows.set(await layer.pass(cache, rows, []));
      collectGarbage('young');
    }
  }

  undo(): void {}

  truncate(): void {}

  clone(): void {}

  drop(): void {}

  async release(): Promise<void> {
    for (const layer of this.#layers) await layer.release();
  }
}
