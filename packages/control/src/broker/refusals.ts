import type { CutpointError } from '@cutpoint/core';
import type { DeviceId } from '../ids.js';

/** Something that the broker did not let happen. */
export interface Refusal {
  readonly error: CutpointError;
  /** Network address and port of the client. */
  readonly address: string;
  /** Who it is, if that is known. */
  readonly device?: DeviceId | undefined;
  readonly topic?: string | undefined;
  /** So many more since the last one that was told, which were too many to tell each. */
  readonly untold: number;
}

/** Passes refusals on, but only some of a flood: those who are refused must not fill the log. */
export class Refusals {
  readonly #tell: (refusal: Refusal) => void;
  readonly #perSecond: number;
  #second = 0;
  #told = 0;
  #untold = 0;

  constructor(tell: (refusal: Refusal) => void, perSecond = 20) {
    this.#tell = tell;
    this.#perSecond = perSecond;
  }

  add(refusal: Omit<Refusal, 'untold'>): void {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#told = 0;
    }
    if (this.#told >= this.#perSecond) {
      this.#untold++;
      return;
    }
    this.#told++;
    const untold = this.#untold;
    this.#untold = 0;
    this.#tell({ ...refusal, untold });
  }
}
