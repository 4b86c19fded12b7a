import type { Floats } from '../payload.js';

/**
 * What rounding took away, added to what is sent next in the same place. The sums are added one after another to a
 * residual stream, so what one of them lacks the next makes good; the stream lacks what the last one did, not all of them.
 * Seide et al., 1-Bit stochastic gradient descent, 2014, between layers instead of steps.
 */
export class Feedback {
  readonly #lacking = new Map<string, Floats>();

  /** @returns values with what was lacking in that place, if as many were sent there. */
  restored(place: string, values: Floats): Floats {
    const lacking = this.#lacking.get(place);
    if (lacking?.length !== values.length) return values.slice();
    for (let i = 0; i < values.length; i++) lacking[i] = (lacking[i] as number) + (values[i] as number);
    return lacking;
  }

  /** @param restored given by `restored`. @param read what receivers get. */
  keep(place: string, restored: Floats, read: Floats): void {
    for (let i = 0; i < read.length; i++) restored[i] = (restored[i] as number) - (read[i] as number);
    this.#lacking.set(place, restored);
  }

  /** The next sums are of something else. */
  clear(): void {
    this.#lacking.clear();
  }
}
