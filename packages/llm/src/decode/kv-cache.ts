import type { CacheKind } from '../graph/cache-kind.js';
import { bytesOfRows, type CacheRows, copyRow, copyRows, emptyRows, narrowed } from './cache-rows.js';
import { collectGarbage } from './collect-garbage.js';
import type { RopeTables } from './rope-tables.js';

export interface KvShape {
  readonly kind: CacheKind;
  readonly layers: number;
  readonly kvHeads: number;
  readonly headSize: number;
}

/** The cache grows by this many tokens at a time: a larger step wastes memory, a smaller one copies more often. */
export const capacityStepTokens = 256;

/** While it grows, at most so many bytes of its old arrays lie beside the new ones. */
export const mostOldBytes = 16 * 2 ** 20;

/**
 * Keys (turned by their positions) and values of one sequence in a range of layers, each layer's as rows
 * [kvHeads, capacity] of headSize elements, in the kind that its shape names.
 */
export class KvCache {
  readonly keys: CacheRows[];
  readonly values: CacheRows[];
  #tokens = 0;
  #capacity = 0;

  constructor(readonly shape: KvShape) {
    const empty = () => Array.from({ length: shape.layers }, () => emptyRows(shape.kind, 0, shape.headSize));
    this.keys = empty();
    this.values = empty();
  }

  /** Tokens whose keys and values are in the cache. */
  get tokens(): number {
    return this.#tokens;
  }

  /** Tokens for which there is room. */
  get capacity(): number {
    return this.#capacity;
  }

  /** What its arrays take, room that is not used yet included. */
  get bytes(): number {
    const { kind, layers, kvHeads, headSize } = this.shape;
    return 2 * layers * bytesOfRows(kind, kvHeads * this.#capacity, headSize);
  }

  /** Makes room for `tokens` tokens in all. */
  reserve(tokens: number): void {
    if (tokens <= this.#capacity) return;
    const capacity = Math.ceil(tokens / capacityStepTokens) * capacityStepTokens;
    const { kind, kvHeads, headSize } = this.shape;
    const oldBytes = bytesOfRows(kind, kvHeads * this.#capacity, headSize);
    let uncollectedBytes = 0;
    for (const sides of [this.keys, this.values]) {
      for (const [layer, rows] of sides.entries()) {
        sides[layer] = this.#moved(rows, this.#tokens, capacity);
        uncollectedBytes += oldBytes;
        if (uncollectedBytes + oldBytes <= mostOldBytes) continue;
        collectGarbage('all');
        uncollectedBytes = 0;
      }
    }
    if (uncollectedBytes > 0) collectGarbage('all');
    this.#capacity = capacity;
  }

  /**
   * Writes the keys and values of `count` new tokens of one layer, each [count, kvHeads * headSize]; keys are turned on
   * the way. They count once `advance` was called, when all layers have theirs.
   * @param behind tokens that were written and do not count yet.
   */
  write(
    layer: number,
    keys: Float32Array<ArrayBuffer>,
    values: Float32Array<ArrayBuffer>,
    count: number,
    tables: RopeTables,
    behind = 0,
  ): void {
    const first = this.#tokens + behind;
    const { kind, kvHeads, headSize } = this.shape;
    const [keysTo, valuesTo] = [this.keys[layer], this.values[layer]];
    if (keysTo === undefined || valuesTo === undefined) return;
    const turned = new Float32Array(count * kvHeads * headSize);
    for (let row = 0; row < count * kvHeads; row++) {
      const position = first + Math.floor(row / kvHeads);
      turn(keys, turned, row * headSize, tables, position, headSize / 2);
    }
    for (const [from, to] of [
      [narrowed(kind, turned, headSize), keysTo],
      [narrowed(kind, values, headSize), valuesTo],
    ] as const) {
      for (let row = 0; row < count * kvHeads; row++) {
        const position = first + Math.floor(row / kvHeads);
        copyRow(from, row, to, (row % kvHeads) * this.#capacity + position, headSize);
      }
    }
  }

  /** Counts tokens that were written. */
  advance(tokens: number): void {
    this.#tokens += tokens;
  }

  /** Forgets all but the first `tokens` tokens. */
  truncate(tokens: number): void {
    this.#tokens = Math.min(this.#tokens, tokens);
  }

  /** A cache of its own with the first `tokens` tokens. */
  clonePrefix(tokens: number): KvCache {
    const clone = new KvCache(this.shape);
    clone.#tokens = Math.min(this.#tokens, tokens);
    clone.#capacity = Math.ceil(clone.#tokens / capacityStepTokens) * capacityStepTokens;
    for (const [from, to] of [
      [this.keys, clone.keys],
      [this.values, clone.values],
    ] as const) {
      for (const [layer, rows] of from.entries()) to[layer] = this.#moved(rows, clone.#tokens, clone.#capacity);
    }
    return clone;
  }

  #moved(rows: CacheRows, tokens: number, capacity: number): CacheRows {
    const { kind, kvHeads, headSize } = this.shape;
    const moved = emptyRows(kind, kvHeads * capacity, headSize);
    for (let head = 0; head < kvHeads; head++) {
      copyRows(rows, head * this.#capacity, moved, head * capacity, tokens, headSize);
    }
    return moved;
  }
}

/** Turns one head's key, which lies at the same place in both arrays: element i is paired with i + half. */
function turn(
  from: Float32Array,
  to: Float32Array,
  at: number,
  { cosines, sines }: RopeTables,
  position: number,
  half: number,
): void {
  for (let i = 0; i < half; i++) {
    const cosine = cosines[position * half + i] ?? 1;
    const sine = sines[position * half + i] ?? 0;
    const [a, b] = [from[at + i] ?? 0, from[at + half + i] ?? 0];
    to[at + i] = a * cosine - b * sine;
    to[at + half + i] = b * cosine + a * sine;
  }
}
