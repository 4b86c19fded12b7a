import { CutpointError } from '@cutpoint/core';
import { PagePool } from './page-pool.js';

/** A page whose contents a step needs before it begins, as its sequence may not write into one that others share. */
export interface PageCopy {
  readonly from: number;
  readonly to: number;
}

interface Sequence {
  readonly pages: number[];
  tokens: number;
}

/** The texts whose keys and values a decoder holds, each a list of pages. */
export class Sequences {
  readonly #sequences = new Map<number, Sequence>();
  readonly #pool: PagePool;
  readonly #pageTokens: number;
  readonly #contextTokens: number;

  constructor(limits: { readonly pages: number; readonly pageTokens: number; readonly contextTokens: number }) {
    this.#pool = new PagePool(limits.pages);
    this.#pageTokens = limits.pageTokens;
    this.#contextTokens = limits.contextTokens;
  }

  tokensOf(sequence: number): number {
    return this.#sequences.get(sequence)?.tokens ?? 0;
  }

  pagesOf(sequence: number): readonly number[] {
    return this.#sequences.get(sequence)?.pages ?? [];
  }

  get freePages(): number {
    return this.#pool.free;
  }

  /** Pages that `extend` would take. */
  pagesFor(sequence: number, tokens: number): number {
    const held = this.tokensOf(sequence);
    const pages = this.pagesOf(sequence);
    const last = pages[Math.floor(held / this.#pageTokens)];
    const copied = last !== undefined && this.#pool.isShared(last) ? 1 : 0;
    return copied + Math.max(0, Math.ceil((held + tokens) / this.#pageTokens) - pages.length);
  }

  /** @throws CutpointError CUT_INPUT if a sequence would be longer than the context. */
  requireContext(sequence: number, tokens: number): void {
    const end = this.tokensOf(sequence) + tokens;
    if (end <= this.#contextTokens) return;
    const message = `A text of ${end} tokens is longer than this model's context of ${this.#contextTokens}.`;
    throw new CutpointError('CUT_INPUT', message);
  }

  /**
   * Makes room for tokens behind those that a sequence holds. What fails leaves it as it was.
   * @returns pages to copy before they are written. @throws CutpointError CUT_INPUT, CUT_GPU_MEMORY.
   */
  extend(sequence: number, tokens: number): readonly PageCopy[] {
    this.requireContext(sequence, tokens);
    const own = this.#sequences.get(sequence) ?? { pages: [], tokens: 0 };
    const end = own.tokens + tokens;
    const before = own.pages.length;
    try {
      while (own.pages.length * this.#pageTokens < end) own.pages.push(this.#pool.take());
      const copies = this.#ownLastPage(own);
      own.tokens = end;
      this.#sequences.set(sequence, own);
      return copies;
    } catch (thrown) {
      for (const page of own.pages.splice(before)) this.#pool.give(page);
      throw thrown;
    }
  }

  /** The page into which the next token goes, if it has begun, is this sequence's alone. */
  #ownLastPage(own: Sequence): readonly PageCopy[] {
    const index = Math.floor(own.tokens / this.#pageTokens);
    const from = own.pages[index];
    if (from === undefined || !this.#pool.isShared(from)) return [];
    const to = this.#pool.take();
    this.#pool.give(from);
    own.pages[index] = to;
    return [{ from, to }];
  }

  /** Forgets all but the first tokens. */
  truncate(sequence: number, tokens: number): void {
    const own = this.#sequences.get(sequence);
    if (own === undefined || tokens >= own.tokens) return;
    own.tokens = tokens;
    for (const page of own.pages.splice(Math.ceil(tokens / this.#pageTokens))) this.#pool.give(page);
  }

  /** A sequence that begins with the first tokens of another; they share the pages until one writes into them. */
  clone(sequence: number, into: number, tokens: number): void {
    const kept = Math.min(tokens, this.tokensOf(sequence));
    const pages = this.pagesOf(sequence).slice(0, Math.ceil(kept / this.#pageTokens));
    for (const page of pages) this.#pool.share(page);
    this.drop(into);
    this.#sequences.set(into, { pages: [...pages], tokens: kept });
  }

  drop(sequence: number): void {
    this.truncate(sequence, 0);
    this.#sequences.delete(sequence);
  }
}
