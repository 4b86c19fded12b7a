import { CutpointError, type NamedTensors } from '@cutpoint/core';
import {
  runSplit,
  type SplitChoice,
  type SplitParts,
  type SplitRun,
  type SplitRunOptions,
  stageRequestOf,
} from '@cutpoint/daemon';

export interface SplitClientOptions extends Omit<SplitParts, 'request'> {
  /** Where the model is cut, and how the tensors cross. */
  readonly choice: SplitChoice;
  /** Requests that may be under way at the same time. */
  readonly maxInFlight: number;
}

/** Runs a model that is cut: the front segment here, the rest at a server. */
export interface SplitClient {
  /**
   * Runs the model once. Calls overlap: the front segment of one runs while the server works on the one before.
   * @throws CutpointError CUT_OVERLOADED if too many are under way, and what `runSplit` throws.
   */
  run(inputs: NamedTensors, options: SplitRunOptions): Promise<SplitRun>;
}

/** Makes a client of a loaded front segment and a connection. It owns neither. */
export function createSplitClient({ maxInFlight, choice, ...rest }: SplitClientOptions): SplitClient {
  const parts = { ...rest, request: stageRequestOf(choice, 1) };
  const slots = new Slots(maxInFlight);
  return { run: (inputs, options) => slots.use(() => runSplit(parts, inputs, options)) };
}

/** Lets so many requests be under way and refuses more. */
export class Slots {
  readonly #max: number;
  #taken = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** @throws CutpointError CUT_OVERLOADED, and what `work` throws. */
  async use<T>(work: () => Promise<T>): Promise<T> {
    if (this.#taken >= this.#max) {
      throw new CutpointError('CUT_OVERLOADED', `${this.#max} requests are under way already; try again later.`);
    }
    this.#taken += 1;
    try {
      return await work();
    } finally {
      this.#taken -= 1;
    }
  }
}
