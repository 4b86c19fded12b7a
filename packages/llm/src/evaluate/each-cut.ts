import { type CancelSignal, throwIfCancelled } from '@cutpoint/core';
import { DecoderRange, type DecoderRangeOptions } from '../decode/decoder-range.js';
import { openEmbedding } from '../decode/open-embedding.js';
import type { Package } from '../package/read-package.js';

/** The hidden states of texts at one cut, [tokens, hiddenSize] of each. */
export interface CutStates {
  readonly cut: number;
  readonly hidden: readonly Float32Array<ArrayBuffer>[];
}

/**
 * The hidden states of texts at one cut, [tokens, hiddenSize] of each; at the number of layers those behind the last.
 * @throws CutpointError as `statesAtCuts`.
 */
export async function statesAt(
  { folder, manifest }: Package,
  cut: number,
  texts: readonly (readonly number[])[],
  options: DecoderRangeOptions = {},
): Promise<readonly Float32Array<ArrayBuffer>[]> {
  const { signal } = options;
  await using embedding = await openEmbedding(folder, manifest);
  await using layers = await DecoderRange.open(folder, manifest, { from: 0, to: cut, head: false }, options);
  const hidden: Float32Array<ArrayBuffer>[] = [];
  for (const text of texts) {
    const sequence = layers.sequence();
    const rows = await embedding.rows(text);
    hidden.push((await layers.forward(sequence, rows, signal === undefined ? {} : { signal })).data);
    layers.drop(sequence);
  }
  return hidden;
}

/**
 * The hidden states of texts at every cut between layers, from 1 on. One layer is open at a time, and each is run once.
 * @param lastCut the last that is wanted.
 * @throws CutpointError as `openEmbedding`, `EmbeddingTable.rows`, `DecoderRange.open` and `DecoderRange.forward`.
 */
export async function* statesAtCuts(
  { folder, manifest }: Package,
  texts: readonly (readonly number[])[],
  lastCut: number,
  options: DecoderRangeOptions & { readonly signal?: CancelSignal } = {},
): AsyncGenerator<CutStates> {
  const { signal } = options;
  await using embedding = await openEmbedding(folder, manifest);
  let hidden: Float32Array<ArrayBuffer>[] = [];
  for (const text of texts) hidden.push(await embedding.rows(text));
  for (let cut = 1; cut <= lastCut; cut++) {
    throwIfCancelled(signal);
    await using layer = await DecoderRange.open(folder, manifest, { from: cut - 1, to: cut, head: false }, options);
    const next: Float32Array<ArrayBuffer>[] = [];
    for (const rows of hidden) {
      const sequence = layer.sequence();
      next.push((await layer.forward(sequence, rows, signal === undefined ? {} : { signal })).data);
      layer.drop(sequence);
    }
    // Passes take their rows away: whoever receives these may keep them.
    hidden = next.map((rows) => rows.slice());
    yield { cut, hidden: next };
  }
}
