import { type CancelSignal, CutpointError, cancelReason, onCancel, throwIfCancelled } from '@cutpoint/core';
import type { GpuDecoder, StepRow } from './gpu-decoder.js';
import { noToken } from './kernels/choose.js';

/** Tokens of one sequence, behind those that it holds. */
export interface BatchPass {
  readonly sequence: number;
  readonly tokens: readonly number[];
  /** Of how many of the last of them it is wanted what follows. */
  readonly wanted: number;
  /** Whether logits are wanted, too; reading them back takes longer than all else where texts are short. */
  readonly logits: boolean;
  readonly signal?: CancelSignal | undefined;
}

export interface PassResult {
  /** Behind each wanted token, the likeliest. */
  readonly tokens: readonly number[];
  /** Behind each wanted token, if they were asked for. */
  readonly logits: readonly Float32Array[];
}

interface Waiting {
  readonly pass: BatchPass;
  /** Tokens that the sequence held before. */
  readonly before: number;
  readonly tokens: number[];
  readonly logits: Float32Array[];
  done: number;
  begun: boolean;
  ended: boolean;
  resolve(result: PassResult): void;
  reject(error: unknown): void;
}

/**
 * Runs passes of many sequences together: each step takes a row of every text that goes on, and fills what is left with
 * prompts. A text joins with the next step, and leaves when its pass is done.
 */
export class ContinuousBatch {
  readonly #decoder: GpuDecoder;
  #waiting: readonly Waiting[] = [];
  #running = false;

  constructor(decoder: GpuDecoder) {
    this.#decoder = decoder;
  }

  /**
   * Passes of one sequence come one after another. What fails or is cancelled leaves the sequence as it was.
   * @throws CutpointError CUT_CANCELLED; CUT_RUN if logits are no numbers; and as `GpuDecoder.step`.
   */
  async run(pass: BatchPass): Promise<PassResult> {
    const { sequence, tokens, signal } = pass;
    throwIfCancelled(signal);
    this.#decoder.requireTokens(sequence, tokens);
    const before = this.#decoder.tokensOf(sequence);
    const { promise, waiting } = waitingFor(pass, before);
    this.#waiting = [...this.#waiting, waiting];
    using _ = onCancel(signal, () => this.#end(waiting, signal && cancelReason(signal)));
    void this.#steps();
    return await promise;
  }

  /** One loop, for as long as there is something to do. */
  async #steps(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    try {
      while (this.#waiting.length > 0) await this.#step();
    } finally {
      this.#running = false;
    }
  }

  async #step(): Promise<void> {
    const shares = this.#shares();
    if (shares.length === 0) return;
    const rows = shares.flatMap(({ waiting, count }) => rowsOf(waiting, count));
    const logits = shares.some(({ waiting }) => waiting.pass.logits);
    try {
      const result = await this.#decoder.step(rows, { logits });
      let row = 0;
      for (const { waiting, count } of shares) {
        const wanted = rowsOf(waiting, count).filter((own) => own.wanted).length;
        waiting.done += count;
        waiting.tokens.push(...result.tokens.subarray(row, row + wanted));
        if (waiting.pass.logits) waiting.logits.push(...logitsOf(result.logits, result.tokens.length, row, wanted));
        row += wanted;
        // One that was cancelled meanwhile has its tokens in the cache, and must not.
        if (waiting.tokens.includes(noToken)) this.#end(waiting, notANumber());
        if (waiting.ended) this.#decoder.truncate(waiting.pass.sequence, waiting.before);
        else if (waiting.done === waiting.pass.tokens.length) this.#end(waiting, undefined);
      }
    } catch (thrown) {
      for (const { waiting } of shares) this.#end(waiting, thrown);
    }
  }

  /** How many rows of which pass run next: one of each, so that nobody stands still, then as many as there is room for. */
  #shares(): readonly { readonly waiting: Waiting; readonly count: number }[] {
    this.#admit();
    let room = this.#decoder.rowsPerStep;
    const shares: { readonly waiting: Waiting; readonly count: number }[] = [];
    const shortest = [...this.#waiting].sort((a, b) => left(a) - left(b));
    for (const [i, waiting] of shortest.entries()) {
      const behind = Math.min(shortest.length - i - 1, room - 1);
      const count = Math.min(left(waiting), room - behind);
      if (count <= 0) break;
      room -= count;
      shares.push({ waiting, count });
    }
    return shares;
  }

  /** A pass begins only if the cache has room for all of it: else two that each lack a page would both have run in vain. */
  #admit(): void {
    const needed = ({ pass, done }: Waiting) => this.#decoder.pagesFor(pass.sequence, pass.tokens.length - done);
    const begun = this.#waiting.filter((waiting) => waiting.begun);
    let free = begun.reduce((pages, waiting) => pages - needed(waiting), this.#decoder.freePages);
    for (const waiting of this.#waiting) {
      if (waiting.begun) continue;
      const pages = needed(waiting);
      if (pages > free) this.#end(waiting, cacheIsFull(free, pages));
      else {
        waiting.begun = true;
        free -= pages;
      }
    }
  }

  #end(waiting: Waiting, error: unknown): void {
    if (waiting.ended) return;
    waiting.ended = true;
    this.#waiting = this.#waiting.filter((other) => other !== waiting);
    if (error === undefined) {
      waiting.resolve({ tokens: waiting.tokens, logits: waiting.logits });
      return;
    }
    this.#decoder.truncate(waiting.pass.sequence, waiting.before);
    waiting.reject(error);
  }
}

function waitingFor(pass: BatchPass, before: number): { promise: Promise<PassResult>; waiting: Waiting } {
  let settle!: Pick<Waiting, 'resolve' | 'reject'>; // set by the promise's executor, which runs at once
  const promise = new Promise<PassResult>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { promise, waiting: { pass, before, tokens: [], logits: [], done: 0, begun: false, ended: false, ...settle } };
}

function left({ pass, done }: Waiting): number {
  return pass.tokens.length - done;
}

function rowsOf({ pass, done }: Waiting, count: number): readonly StepRow[] {
  const { sequence, tokens, wanted } = pass;
  const own = tokens.slice(done, done + count);
  return own.map((token, i) => ({ sequence, token, wanted: done + i >= tokens.length - wanted }));
}

function logitsOf(all: Float32Array | undefined, rows: number, first: number, count: number): readonly Float32Array[] {
  if (all === undefined) return [];
  const size = all.length / rows;
  return Array.from({ length: count }, (_, i) => all.subarray((first + i) * size, (first + i + 1) * size));
}

function notANumber(): CutpointError {
  const message =
    'The GPU computed logits that are no numbers: the weights of the package are damaged, or its driver errs.';
  return new CutpointError('CUT_RUN', message);
}

function cacheIsFull(free: number, needed: number): CutpointError {
  const what = `The GPU's cache has ${free} pages left where a text needs ${needed} more`;
  return new CutpointError('CUT_GPU_MEMORY', `${what}: end other texts, or open it with more tokens.`);
}
