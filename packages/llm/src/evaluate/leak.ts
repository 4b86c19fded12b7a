import { type CancelSignal, throwIfCancelled } from '@cutpoint/core';
import type { EmbeddingTable } from '../decode/embedding-table.js';

/** Share of the tokens that an attacker reads from hidden states who knows the model's embedding. */
export interface Leak {
  /** By the embedding with the largest cosine to the hidden state. */
  readonly cosine: number;
  /** The same after the mean of all these hidden states was taken away from each. */
  readonly centredCosine: number;
  /** How many were attacked. */
  readonly tokens: number;
}

/** Rows of the embedding that are compared at once. */
const blockTokens = 512;

/**
 * The nearest-embedding attack: takes a hidden state for the token whose embedding points most nearly the same way.
 * @param hidden [tokens, hiddenSize], as whoever has the layers behind a cut receives them. @param tokens what they are of.
 * @throws CutpointError as `EmbeddingTable.rows`; CUT_CANCELLED.
 */
export async function leakOf(
  embedding: EmbeddingTable,
  vocabularySize: number,
  hidden: Float32Array,
  tokens: readonly number[],
  signal?: CancelSignal,
): Promise<Leak> {
  const size = hidden.length / tokens.length;
  const mean = meanOf(hidden, size);
  const plain = new Nearest(tokens.length);
  const centred = new Nearest(tokens.length);
  for (let from = 0; from < vocabularySize; from += blockTokens) {
    throwIfCancelled(signal);
    const ids = Array.from({ length: Math.min(blockTokens, vocabularySize - from) }, (_, i) => from + i);
    const rows = unitRows(await embedding.rows(ids), size);
    const meanDots = ids.map((_, i) => dot(rows, i * size, mean, 0, size));
    for (let token = 0; token < tokens.length; token++) {
      for (const [i, id] of ids.entries()) {
        // The size of the hidden state itself is the same for all embeddings.
        const own = dot(rows, i * size, hidden, token * size, size);
        plain.offer(token, id, own);
        centred.offer(token, id, own - (meanDots[i] ?? 0));
      }
    }
  }
  return { cosine: plain.shareOf(tokens), centredCosine: centred.shareOf(tokens), tokens: tokens.length };
}

/** The best token for each hidden state so far. */
class Nearest {
  readonly #best: Float64Array;
  readonly #ids: Int32Array;

  constructor(count: number) {
    this.#best = new Float64Array(count).fill(Number.NEGATIVE_INFINITY);
    this.#ids = new Int32Array(count).fill(-1);
  }

  offer(at: number, id: number, closeness: number): void {
    if (closeness <= (this.#best[at] as number)) return;
    this.#best[at] = closeness;
    this.#ids[at] = id;
  }

  shareOf(tokens: readonly number[]): number {
    return tokens.filter((token, i) => token === this.#ids[i]).length / tokens.length;
  }
}

function meanOf(rows: Float32Array, size: number): Float32Array {
  const sums = new Float64Array(size);
  for (let i = 0; i < rows.length; i++) sums[i % size] = (sums[i % size] as number) + (rows[i] as number);
  return Float32Array.from(sums, (sum) => (sum * size) / rows.length);
}

/** Rows scaled to length 1; a row of zeros stays, and is near nothing. */
function unitRows(rows: Float32Array, size: number): Float32Array {
  for (let at = 0; at < rows.length; at += size) {
    const row = rows.subarray(at, at + size);
    const norm = Math.sqrt(dot(row, 0, row, 0, size)) || 1;
    for (let k = 0; k < size; k++) row[k] = (row[k] as number) / norm;
  }
  return rows;
}

function dot(a: Float32Array, aAt: number, b: Float32Array, bAt: number, size: number): number {
  let [even, odd] = [0, 0];
  let k = 0;
  for (; k + 1 < size; k += 2) {
    even += (a[aAt + k] as number) * (b[bAt + k] as number);
    odd += (a[aAt + k + 1] as number) * (b[bAt + k + 1] as number);
  }
  if (k < size) even += (a[aAt + k] as number) * (b[bAt + k] as number);
  return even + odd;
}
