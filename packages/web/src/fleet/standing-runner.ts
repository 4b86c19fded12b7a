import { CutpointError } from '@cutpoint/core';

/** What may die, such as a `FrontRunner`. */
export interface Mortal extends Disposable {
  readonly alive: boolean;
}

const loadMs = 10 * 60_000;

/** A front segment that is there for as long as it is deployed: where its runner has died, the next request loads it again. */
export class StandingRunner<Runner extends Mortal> implements Disposable {
  readonly #load: (ends: AbortSignal) => Promise<Runner>;
  readonly #left = new AbortController();
  #runner: Runner;
  #loading: Promise<Runner> | undefined;

  constructor(runner: Runner, load: (ends: AbortSignal) => Promise<Runner>) {
    this.#runner = runner;
    this.#load = load;
  }

  /** @throws CutpointError what loading throws; CUT_DISPOSED if it is not deployed any more */
  async take(): Promise<Runner> {
    if (this.#runner.alive) return this.#runner;
    this.#loading ??= this.#again().finally(() => {
      this.#loading = undefined;
    });
    return await this.#loading;
  }

  async #again(): Promise<Runner> {
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
