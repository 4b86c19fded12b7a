import type { RopeTables } from './rope-tables.js';

export interface KvShape {
  readonly layers: number;
  readonly kvHeads: number;
  readonly headSize: number;
}

/** The cache grows by this many tokens at a time: a larger step wastes memory, a smaller one copies more often. */
export const capacityStepTokens = 256;

/**
 * Keys (turned by their positions) and values of one sequence in a range of layers, each layer's as one array
 * f32 [kvHeads, capacity, headSize].
 */
export class KvCache {
  readonly keys: Float32Array<ArrayBuffer>[];
  readonly values: Float32Array<ArrayBuffer>[];
  #tokens = 0;
  #capacity = 0;

  constructor(readonly shape: KvShape) {
    const empty = () => Array.from({ length: shape.layers }, () => new Float32Array(0));
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

  get bytes(): number {
    const { layers, kvHeads, headSize } = this.shape;
    return 2 * layers * kvHeads * this.#capacity * headSize * Float32Array.BYTES_PER_ELEMENT;
  }

  /** Makes room for `tokens` tokens in all. */
  reserve(tokens: number): void {
    if (tokens <= this.#capacity) return;
    const capacity = Math.ceil(tokens / capacityStepTokens) * capacityStepTokens;
    for (const arrays of [this.keys, this.values]) {
      for (const [layer, array] of arrays.entries()) arrays[layer] = this.moved(array, this.#tokens, capacity);
    }
    this.#capacity = capacity;
  }

  /**
   * Writes the keys and values of `count` new tokens of one layer, each [count, kvHeads * headSize]; keys are turned on
   * the way. They count once `advance` was called, when all layers have theirs.
   */
  write(layer: number, keys: Float32Array, values: Float32Array, count: number, tables: RopeTables): void {
    const { kvHeads, headSize } = this.shape;
    const [keysTo, valuesTo] = [this.keys[layer], this.values[layer]];
    if (keysTo === undefined || valuesTo === undefined) return;
    for (let token = 0; token < count; token++) {
      const position = this.#tokens + token;
      for (let head = 0; head < kvHeads; head++) {
        const from = (token * kvHeads + head) * headSize;
        const to = (head * this.#capacity + position) * headSize;
        turn(keys, from, keysTo, to, tables, position, headSize / 2);
        valuesTo.set(values.subarray(from, from + headSize), to);
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
    for (let layer = 0; layer < this.shape.layers; layer++) {
      for (const [from, to] of [
        [this.keys, clone.keys],
        [this.values, clone.values],
      ] as const) {
        to[layer] = this.moved(from[layer] ?? new Float32Array(0), clone.#tokens, clone.#capacity);
      }
    }
    return clone;
  }

  private moved(array: Float32Array, tokens: number, capacity: number): Float32Array<ArrayBuffer> {
    const { kvHeads, headSize } = this.shape;
    const moved = new Float32Array(kvHeads * capacity * headSize);
    for (let head = 0; head < kvHeads; head++) {
      const from = head * this.#capacity * headSize;
      moved.set(array.subarray(from, from + tokens * headSize), head * capacity * headSize);
    }
    return moved;
  }
}

/** Turns one head's key: element i is paired with i + half. */
function turn(
  from: Float32Array,
  fromAt: number,
  to: Float32Array,
  toAt: number,
  { cosines, sines }: RopeTables,
  position: number,
  half: number,
): void {
  for (let i = 0; i < half; i++) {
    const cosine = cosines[position * half + i] ?? 1;
    const sine = sines[position * half + i] ?? 0;
    const [a, b] = [from[fromAt + i] ?? 0, from[fromAt + half + i] ?? 0];
    to[toAt + i] = a * cosine - b * sine;
    to[toAt + half + i] = b * cosine + a * sine;
  }
}
