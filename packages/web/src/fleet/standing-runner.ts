import { CutpointError } from '@cutpoint/core';
import type { FrontRunner } from '../split/front-runner.js';

const loadMs = 10 * 60_000;

/** A front segment that is there for as long as it is deployed: where its runner has died, the next request loads it again. */
export class StandingRunner implements Disposable {
  readonly #load: (ends: AbortSignal) => Promise<FrontRunner>;
  readonly #left = new AbortController();
  #runner: FrontRunner;
  #loading: Promise<FrontRunner> | undefined;

  constructor(runner: FrontRunner, load: (ends: AbortSignal) => Promise<FrontRunner>) {
    this.#runner = runner;
    this.#load = load;
  }

  /** @throws CutpointError what loading throws; CUT_DISPOSED if it is not deployed any more */
  async take(): Promise<FrontRunner> {
    if (this.#runner.alive) return this.#runner;
    this.#loading ??= this.#again().finally(() => {
      this.#loading = undefined;
    });
    return await this.#loading;
  }

  async #again(): Promise<FrontRunner> {
    const { signal } = this.#left;
    this.#runner = await this.#load(AbortSignal.any([signal, AbortSignal.timeout(loadMs)]));
    if (signal.aborted) this.#runner[Symbol.dispose]();
    return this.#runner;
  }

  [Symbol.dispose](): void {
    this.#left.abort(new CutpointError('CUT_DISPOSED', 'This is not deployed here any more.'));
    this.#runner[Symbol.dispose]();
  }
}
