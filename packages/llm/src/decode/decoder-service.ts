import { collectGarbage } from './collect-garbage.js';
import type { ForwardMessage } from './decoder-protocol.js';
import type { KvCache } from './kv-cache.js';
import type { RangeService } from './range-service.js';
import type { RangeSession } from './range-session.js';
import { requireRoom } from './require-room.js';

/** What runs a range of layers: one session, or the ranks of a cluster. */
export type PassRunner = Pick<RangeSession, 'config' | 'range' | 'cache' | 'pass' | 'release'>;

/** The sequences of one range of layers, each with its cache. */
export class DecoderService implements RangeService {
  readonly #session: PassRunner;
  readonly #chunkTokens: number;
  readonly #caches = new Map<number, KvCache>();
  /** By sequence: its last pass, and how many tokens it held before. */
  readonly #lastPasses = new Map<number, { readonly id: number; readonly before: number }>();

  constructor(session: PassRunner, chunkTokens: number) {
    this.#session = session;
    this.#chunkTokens = chunkTokens;
  }

  get cacheBytes(): number {
    return [...this.#caches.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /**
   * Runs tokens of a sequence through the range, in chunks: memory does not grow with a prompt's length, and
   * `throwIfCancelled` is asked before each and at the end. What fails leaves the sequence as it was.
   */
  async forward(
    { id, sequence, hidden, logits }: ForwardMessage,
    throwIfCancelled: () => void | Promise<void>,
  ): Promise<Float32Array<ArrayBuffer>> {
    const { config, range } = this.#session;
    const tokens = hidden.length / config.hiddenSize;
    const cache = this.#cacheOf(sequence);
    const before = cache.tokens;
    requireRoom(before + tokens, config.contextTokens);
    // Once for all chunks, as growing copies all that is there.
    cache.reserve(before + tokens);
    const firstWanted = !range.head || logits === 'all' ? 0 : Math.max(0, tokens - logits);
    const results: Float32Array<ArrayBuffer>[] = [];
    try {
      for (let from = 0; from < tokens; from += this.#chunkTokens) {
        await throwIfCancelled();
        const count = Math.min(this.#chunkTokens, tokens - from);
        const chunk = hidden.subarray(from * config.hiddenSize, (from + count) * config.hiddenSize);
        // The graph gives one row at least, of a chunk of which none is wanted as well.
        const firstRow = Math.min(count - 1, Math.max(0, firstWanted - from));
        const rows = Array.from({ length: count - firstRow }, (_, row) => firstRow + row);
        const result = await this.#session.pass(cache, chunk, rows);
        if (from + count > firstWanted) results.push(result);
        if (count > 1) collectGarbage('young');
      }
      await throwIfCancelled();
    } catch (thrown) {
      cache.truncate(before);
      throw thrown;
    }
    this.#lastPasses.set(sequence, { id, before });
    return joined(results);
  }

  /** Takes back a pass that was cancelled when it was done already, as its caller was told that it came to nothing. */
  undo(id: number): void {
    for (const [sequence, last] of this.#lastPasses) {
      if (last.id === id) this.truncate(sequence, last.before);
    }
  }

  truncate(sequence: number, tokens: number): void {
    this.#caches.get(sequence)?.truncate(tokens);
  }

  clone(sequence: number, into: number, tokens: number): void {
    this.#caches.set(into, this.#cacheOf(sequence).clonePrefix(tokens));
  }

  drop(sequence: number): void {
    this.#caches.delete(sequence);
    this.#lastPasses.delete(sequence);
  }

  async release(): Promise<void> {
    this.#caches.clear();
    await this.#session.release();
  }

  #cacheOf(sequence: number): KvCache {
    const known = this.#caches.get(sequence);
    if (known !== undefined) return known;
    const cache = this.#session.cache();
    this.#caches.set(sequence, cache);
    return cache;
  }
}

function joined(arrays: readonly Float32Array<ArrayBuffer>[]): Float32Array<ArrayBuffer> {
  const [first = new Float32Array(0)] = arrays;
  if (arrays.length === 1) return first;
  const all = new Float32Array(arrays.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const array of arrays) {
    all.set(array, at);
    at += array.length;
  }
  return all;
}
