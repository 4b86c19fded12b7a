import { type CancelSignal, CutpointError, cancelReason, onCancel, throwIfCancelled } from '@cutpoint/core';

export interface TurnLimits {
  /** How many may have a turn at the same time. */
  readonly maxRunning: number;
  /** How many more may wait for one; others are refused. */
  readonly maxWaiting: number;
  /** How long one waits at most, in ms. */
  readonly maxWaitMs: number;
}

/** Gives out turns in the order in which they are asked for. */
export class Turns {
  readonly #limits: TurnLimits;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(limits: TurnLimits) {
    this.#limits = limits;
  }

  /**
   * Waits for a turn; disposing of it ends it.
   * @throws CutpointError CUT_OVERLOADED if too many wait or it takes too long, CUT_CANCELLED and what else the signal says.
   */
  async take(signal?: CancelSignal): Promise<Disposable> {
    throwIfCancelled(signal);
    if (this.#running >= this.#limits.maxRunning) await this.#wait(signal);
    else this.#running += 1;
    let ended = false;
    return {
      [Symbol.dispose]: () => {
        if (!ended) this.#end();
        ended = true;
      },
    };
  }

  async #wait(signal: CancelSignal | undefined): Promise<void> {
    const { maxRunning, maxWaiting, maxWaitMs } = this.#limits;
    if (this.#waiting.length >= maxWaiting) {
      const message = `${maxRunning} requests are being answered and ${maxWaiting} more wait already: try again later.`;
      throw new CutpointError('CUT_OVERLOADED', message);
    }
    const come = new Promise<void>((resolve, reject) => {
      const leave = () => {
        clearTimeout(timer);
        cancelled[Symbol.dispose]();
      };
      const giveUp = (error: CutpointError) => {
        leave();
        this.#waiting.splice(this.#waiting.indexOf(goOn), 1);
        reject(error);
      };
      const goOn = () => {
        leave();
        resolve();
      };
      const late = `No turn came within ${maxWaitMs} ms: try again later.`;
      const timer = setTimeout(() => giveUp(new CutpointError('CUT_OVERLOADED', late)), maxWaitMs);
      const cancelled = onCancel(signal, () => signal && giveUp(cancelReason(signal)));
      this.#waiting.push(goOn);
    });
    await come;
  }

  /** A turn that ends goes to the first who waits. */
  #end(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running -= 1;
    else next();
  }
}
