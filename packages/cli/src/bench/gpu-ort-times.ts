import { type OrtProduct, timeOrtProduct } from './gpu-ort.js';

/** What onnxruntime takes for products: each is measured once, and what cannot be is noted. */
export class OrtTimes {
  readonly #signal: AbortSignal;
  readonly #onProgress: (line: string) => void;
  readonly #known = new Map<string, number | null>();
  readonly #notes = new Set<string>();

  constructor(signal: AbortSignal, onProgress: (line: string) => void) {
    this.#signal = signal;
    this.#onProgress = onProgress;
  }

  get notes(): readonly string[] {
    return [...this.#notes];
  }

  /** In microseconds; null where there is a note. @throws CutpointError CUT_CANCELLED */
  async of(product: OrtProduct): Promise<number | null> {
    const key = JSON.stringify(product);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const { rows, weights } = product;
    const what = `${rows} rows with ${weights === 'f32' ? 'weights in f32' : `weights of ${weights} bits`}`;
    this.#onProgress(`${what} in onnxruntime`);
    const time = await timeOrtProduct(product, this.#signal);
    if (time.kind === 'none') this.#notes.add(`onnxruntime was not timed on ${what}: ${time.why}`);
    const us = time.kind === 'timed' ? time.us : null;
    this.#known.set(key, us);
    return us;
  }
}
