import { CutpointError } from '@cutpoint/core';

/** Which pages of a cache are free, and how many sequences share each of the others. */
export class PagePool {
  readonly pages: number;
  readonly #holders: Uint32Array;
  readonly #free: number[];

  constructor(pages: number) {
    this.pages = pages;
    this.#holders = new Uint32Array(pages);
    this.#free = Array.from({ length: pages }, (_, i) => pages - 1 - i);
  }

  get free(): number {
    return this.#free.length;
  }

  /** @throws CutpointError CUT_GPU_MEMORY if none is left. */
  take(): number {
    const page = this.#free.pop();
    if (page === undefined) {
      const message = `All ${this.pages} pages of the GPU's cache are taken: end other texts, or open it with more tokens.`;
      throw new CutpointError('CUT_GPU_MEMORY', message);
    }
    this.#holders[page] = 1;
    return page;
  }

  share(page: number): void {
    this.#holders[page] = (this.#holders[page] ?? 0) + 1;
  }

  isShared(page: number): boolean {
    return (this.#holders[page] ?? 0) > 1;
  }

  give(page: number): void {
    const holders = (this.#holders[page] ?? 0) - 1;
    this.#holders[page] = holders;
    if (holders === 0) this.#free.push(page);
  }
}
