import { CutpointError } from '@cutpoint/core';
import type { ForwardMessage } from './decoder-protocol.js';
import type { KvCache } from './kv-cache.js';
import type { RangeSession } from './range-session.js';

/** The sequences of one range of layers, each with its cache. */
export class DecoderService {
  private readonly caches = new Map<number, KvCache>();

  constructor(
    private readonly session: RangeSession,
    private readonly chunkTokens: number,
  ) {}

  get cacheBytes(): number {
    return [...this.caches.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /**
   * Runs tokens of a sequence through the range, in chunks: memory does not grow with a prompt's length, and
   * `throwIfCancelled` is asked between them. What fails leaves the sequence as it was.
   */
  async forward(
    { sequence, hidden, logits }: ForwardMessage,
    throwIfCancelled: () => void,
  ): Promise<Float32Array<ArrayBuffer>> {
    const { config, range } = this.session;
    const tokens = hidden.length / config.hiddenSize;
    const cache = this.cacheOf(sequence);
    const before = cache.tokens;
    requireRoom(before + tokens, config.contextTokens);
    const allLogits = range.head && logits === 'all';
    const results: Float32Array<ArrayBuffer>[] = [];
    try {
      for (let from = 0; from < tokens; from += this.chunkTokens) {
        throwIfCancelled();
        const count = Math.min(this.chunkTokens, tokens - from);
        const chunk = hidden.subarray(from * config.hiddenSize, (from + count) * config.hiddenSize);
        const rows = allLogits ? Array.from({ length: count }, (_, row) => row) : [count - 1];
        const result = await this.session.pass(cache, chunk, rows);
        if (range.head && !allLogits) results.length = 0;
        results.push(result);
      }
    } catch (thrown) {
      cache.truncate(before);
      throw thrown;
    }
    return joined(results);
  }

  truncate(sequence: number, tokens: number): void {
    this.caches.get(sequence)?.truncate(tokens);
  }

  clone(sequence: number, into: number, tokens: number): void {
    this.caches.set(into, this.cacheOf(sequence).clonePrefix(tokens));
  }

  drop(sequence: number): void {
    this.caches.delete(sequence);
  }

  async release(): Promise<void> {
    this.caches.clear();
    await this.session.release();
  }

  private cacheOf(sequence: number): KvCache {
    const known = this.caches.get(sequence);
    if (known !== undefined) return known;
    const cache = this.session.cache();
    this.caches.set(sequence, cache);
    return cache;
  }
}

function requireRoom(tokens: number, contextTokens: number): void {
  if (tokens <= contextTokens) return;
  throw new CutpointError(
    'CUT_INPUT',
    `The text would be ${tokens} tokens long, but the model takes ${contextTokens}; shorten it.`,
  );
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
