import { setTimeout as sleep } from 'node:timers/promises';
import { Process, type Program, until } from '../../processes.testing.js';

/** When something could not answer, on the clock of `performance.now`. */
export interface Downtime {
  readonly fromMs: number;
  /** Undefined while it lasts. */
  toMs: number | undefined;
}

/** A daemon that can be killed and started again with the same arguments, stopped and continued. */
export class Supervised implements AsyncDisposable {
  readonly name: string;
  readonly downtimes: Downtime[] = [];
  readonly #start: () => Process;
  /** What it had answered before it fell may still arrive. */
  #mayRise = true;
  #process: Process;
  /** Grows with each start: what one process remembers, the next does not. */
  run = 1;

  constructor(name: string, args: readonly string[], program?: Program, env: Readonly<Record<string, string>> = {}) {
    this.name = name;
    this.#start = () => new Process(args, env, program);
    this.#process = this.#start();
  }

  get process(): Process {
    return this.#process;
  }

  get down(): boolean {
    return this.downtimes.at(-1)?.toMs === undefined && this.downtimes.length > 0;
  }

  async kill(): Promise<void> {
    this.fell();
    this.#process.kill('SIGKILL');
    await this.#process.exit();
  }

  /** Starts it anew; it counts as down until `rose`. */
  restart(): void {
    this.run += 1;
    this.#mayRise = true;
    this.#process = this.#start();
  }

  stop(): void {
    this.fell();
    this.#process.kill('SIGSTOP');
  }

  continue(): void {
    this.#process.kill('SIGCONT');
    this.#mayRise = true;
    this.rose();
  }

  fell(): void {
    this.#mayRise = false;
    this.downtimes.push({ fromMs: performance.now(), toMs: undefined });
  }

  rose(): void {
    const last = this.downtimes.at(-1);
    if (last !== undefined && this.#mayRise) last.toMs ??= performance.now();
  }

  async ready(longestMs = 60_000): Promise<void> {
    await this.#process.url(longestMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }
}

/** Waits until a question is answered as wanted, however often it fails to be. */
export async function eventually<T>(ask: () => Promise<T>, isSo: (answer: T) => boolean, what: string): Promise<T> {
  let last: T | undefined;
  await until(
    async () => {
      last = await ask().catch(() => undefined);
      if (last !== undefined && isSo(last)) return true;
      await sleep(100);
      return false;
    },
    what,
    60_000,
  );
  return last as T; // `until` has thrown otherwise
}
