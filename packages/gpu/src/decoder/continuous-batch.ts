import { type CancelSignal, CutpointError, cancelReason, onCancel, throwIfCancelled } from '@cutpoint/core';
import type { Draw } from './draw.js';
import type { GpuDecoder } from './gpu-decoder.js';
import { noToken } from './kernels/choose.js';
import type { RowInput, StepRow } from './step-row.js';

/** Tokens of one sequence, or their hidden states, behind those that it holds. */
export interface BatchPass {
  readonly sequence: number;
  readonly inputs: readonly RowInput[];
  /** Of how many of the last of them it is wanted what comes out. */
  readonly wanted: number;
  /** Whether logits are wanted beside tokens; reading them back takes longer than all else where texts are short. */
  readonly read: boolean;
  /** How those tokens are drawn, one for each that is wanted. Default: the likeliest. */
  readonly draws?: readonly Draw[] | undefined;
  readonly signal?: CancelSignal | undefined;
}

export interface PassResult {
  /** Behind each wanted token, the one that is drawn, or the likeliest; none of a range without head. */
  readonly tokens: readonly number[];
  /** Of each wanted token its logits, if they were asked for, or of a range without head its hidden state. */
  readonly rows: readonly Float32Array[];
}

interface Waiting {
  readonly pass: BatchPass;
  /** Tokens that the sequence held before. */
  readonly before: number;
  readonly tokens: number[];
  readonly rows: Float32Array[];
  done: number;
  begun: boolean;
  ended: boolean;
  resolve(result: PassResult): void;
  reject(error: unknown): void;
}

/** What passes are run on. */
export type BatchDecoder = Pick<
  GpuDecoder,
  'rowsPerStep' | 'freePages' | 'pagesFor' | 'tokensOf' | 'truncate' | 'requireInputs' | 'step'
>;

/**
 * Runs passes of many sequences together: each step takes a row of every text that goes on, and fills what is left with
 * prompts. A text joins with the next step, and leaves when its pass is done.
 */
export class ContinuousBatch {
  readonly #decoder: BatchDecoder;
  readonly #pause: () => Promise<void>;
  #waiting: readonly Waiting[] = [];
  #running = false;
  #stepping: Promise<void> = Promise.resolve();

  /** @param pause lets those go on whose passes are done, so that their next ones run together. */
  constructor(decoder: BatchDecoder, pause: () => Promise<void>) {
    this.#decoder = decoder;
    this.#pause = pause;
  }

  /**
   * Passes of one sequence come one after another. What fails or is cancelled leaves the sequence as it was.
   * @throws CutpointError CUT_CANCELLED; CUT_RUN if of some logits no token can be chosen; and as `GpuDecoder.step`.
   */
  async run(pass: BatchPass): Promise<PassResult> {
    const { sequence, inputs, signal } = pass;
    throwIfCancelled(signal);
    this.#decoder.requireInputs(sequence, inputs);
    if (this.#waiting.some(({ pass: other }) => other.sequence === sequence)) {
      throw new CutpointError(
        'CUT_INPUT',
        `Sequence ${sequence} has a pass under way: its passes come one after another.`,
      );
    }
    const before = this.#decoder.tokensOf(sequence);
    const { promise, waiting } = waitingFor(pass, before);
    this.#waiting = [...this.#waiting, waiting];
    using _ = onCancel(signal, () => this.#end(waiting, signal && cancelReason(signal)));
    void this.#steps();
    return await promise;
  }

  /** Ends with the step that is under way: one may still read what a pass brought that was cancelled meanwhile. */
  async stepEnds(): Promise<void> {
    await this.#stepping;
  }

  /** One loop, for as long as there is something to do. */
  async #steps(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    try {
      while (this.#waiting.length > 0) {
        await this.#pause();
        this.#stepping = this.#step();
        await this.#stepping;
      }
    } finally {
      this.#running = false;
    }
  }

  async #step(): Promise<void> {
    const shares = this.#shares();
    if (shares.length === 0) return;
    const rows = shares.flatMap(({ waiting, count }) => rowsOf(waiting, count));
    const read = shares.some(({ waiting }) => waiting.pass.read);
    try {
      const result = await this.#decoder.step(rows, { read });
      let row = 0;
      for (const { waiting, count } of shares) {
        const wanted = rowsOf(waiting, count).filter((own) => own.wanted).length;
        waiting.done += count;
        waiting.tokens.push(...result.tokens.subarray(row, row + wanted));
        if (waiting.pass.read) waiting.rows.push(...result.rows.slice(row, row + wanted));
        row += wanted;
        // One that was cancelled meanwhile has its tokens in the cache, and must not.
        if (waiting.tokens.includes(noToken)) this.#end(waiting, noneToChoose());
        if (waiting.ended) this.#decoder.truncate(waiting.pass.sequence, waiting.before);
        else if (waiting.done === waiting.pass.inputs.length) this.#end(waiting, undefined);
      }
    } catch (thrown) {
      for (const { waiting } of shares) this.#end(waiting, thrown);
    }
  }

  /** How many rows of which pass run next: one of each, the oldest first, so that nobody stands still; then more of them, while there is room. */
  #shares(): readonly { readonly waiting: Waiting; readonly count: number }[] {
    this.#admit();
    const first = this.#waiting.slice(0, this.#decoder.rowsPerStep);
    let room = this.#decoder.rowsPerStep - first.length;
    const shares = first.map((waiting) => {
      const more = Math.min(left(waiting) - 1, room);
      room -= more;
      return { waiting, count: 1 + more };
    });
    return shares;
  }

  /** A pass begins only if the cache has room for all of it: else two that each lack a page would both have run in vain. */
  #admit(): void {
    let free = this.#decoder.freePages;
    const begunFirst = [...this.#waiting].sort((a, b) => Number(b.begun) - Number(a.begun));
    for (const waiting of begunFirst) {
      const pages = this.#decoder.pagesFor(waiting.pass.sequence, left(waiting));
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
      waiting.resolve({ tokens: waiting.tokens, rows: waiting.rows });
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
  return { promise, waiting: { pass, before, tokens: [], rows: [], done: 0, begun: false, ended: false, ...settle } };
}

function left({ pass, done }: Waiting): number {
  return pass.inputs.length - done;
}

function rowsOf({ pass, done }: Waiting, count: number): readonly StepRow[] {
  const { sequence, inputs, wanted, draws } = pass;
  const own = inputs.slice(done, done + count);
  return own.map((input, i) => {
    const place = done + i - (inputs.length - wanted);
    return { sequence, input, wanted: place >= 0, draw: place >= 0 ? draws?.[place] : undefined };
  });
}

function noneToChoose(): CutpointError {
  const message =
    'The GPU computed logits that are no numbers, or of which the largest is infinite: the weights of the package are damaged, or its driver errs.';
  return new CutpointError('CUT_RUN', message);
}

function cacheIsFull(free: number, needed: number): CutpointError {
  const what = `The GPU's cache has ${free} pages left where a text needs ${needed} more`;
  return new CutpointError('CUT_GPU_MEMORY', `${what}: end other texts, or open it with more tokens.`);
}
