import type { CancelSignal, NamedTensors } from '@cutpoint/core';
import type { Stage, StageResult } from '@cutpoint/runtime';

/** The front segments' results of one request: each is computed once, however many servers are then asked. */
export class FrontResults {
  readonly #results = new Map<Stage, Promise<StageResult>>();
  readonly #signal: CancelSignal;

  /** `signal` is the whole request's: that one server is given up must not end what another needs, too. */
  constructor(signal: CancelSignal) {
    this.#signal = signal;
  }

  /** @throws CutpointError what `stage.run` throws; then the next who asks has it computed again. */
  of(stage: Stage, inputs: NamedTensors): Promise<StageResult> {
    const known = this.#results.get(stage);
    if (known !== undefined) return known;
    const result = stage.run(inputs, { signal: this.#signal });
    this.#results.set(stage, result);
    result.catch(() => this.#results.delete(stage));
    return result;
  }
}
