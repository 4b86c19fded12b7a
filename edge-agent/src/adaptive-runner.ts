import { setTimeout as sleep } from 'node:timers/promises';
import { asCutpointError, type CancelSignal, type CutpointError, type NamedTensors } from '@cutpoint/core';
import type { ServerConnection, SplitChoice, SplitRun, SplitRunner, SplitRunOptions } from '@cutpoint/daemon';
import { probeMethod, zeroBytes } from '@cutpoint/wire';

/** What one request told of the link to the next device. */
export interface LinkObservation {
  readonly upBytes: number;
  readonly downBytes: number;
  /** On the network, both ways. */
  readonly sendMs: number;
}

/** Several splits of a model, of which the best for the link as it is now should run. */
export interface Adaptation {
  readonly choices: readonly SplitChoice[];
  /** Index of the one to begin with. */
  readonly first: number;
  /** Hears of every request that crossed the link, and says which split should run from now on. */
  next(observation: LinkObservation, current: number): number;
  /** The split has changed: requests that come from now on use it; those under way end as they began. */
  onSwitch(from: number, to: number): void;
  /** Index of the one that needs no server, if there is one: it answers while the server is away. */
  readonly alone?: number;
  /** The server is away, and requests run on this device alone, or it is back. */
  onAway?(away: boolean): void;
  /** A change did not succeed, and the split stays as it was. */
  onError(error: CutpointError, wanted: number): void;
}

/** After so long without traffic over the link it is probed, as a plan that uses it may be the better one by now. */
const idleMs = 5_000;
/** So long where requests are answered in another way than planned, which tells nothing of the link. */
const doubtMs = 500;
/** Two sizes, so that delay and rate can be told apart. */
const probeBytes = [1_024, 64 * 1024];
const probeDeadlineMs = 30_000;
/** After a change that failed none is tried for so long. */
const restMs = 10_000;

/** Runs requests with the current split of an adaptation, and changes it under traffic without dropping any. */
export class AdaptiveRunner implements AsyncDisposable {
  readonly #runner: Pick<SplitRunner, 'prepare' | 'run'>;
  readonly #server: ServerConnection;
  readonly #adaptation: Adaptation;
  readonly #stop = new AbortController();
  readonly #probing: Promise<void>;
  #current: number;
  #away = false;
  #switching: Promise<void> | undefined;
  #restUntil = 0;
  #observedAt = performance.now();
  /** When a request was last answered in another way than planned, unless one went as planned since. */
  #doubtedAt = Number.NEGATIVE_INFINITY;
  /** What requests send that go as planned. */
  #plannedBytes = 0;

  constructor(runner: Pick<SplitRunner, 'prepare' | 'run'>, server: ServerConnection, adaptation: Adaptation) {
    this.#runner = runner;
    this.#server = server;
    this.#adaptation = adaptation;
    this.#current = adaptation.first;
    this.#probing = this.#probeWhenIdle();
  }

  /** The split for requests that come now. */
  get choice(): SplitChoice | undefined {
    return this.#adaptation.choices[this.#current];
  }

  prepare(choice: SplitChoice, signal?: CancelSignal): Promise<void> {
    return this.#runner.prepare(choice, signal);
  }

  /** Runs one request, learns from it how the link is, and begins a change if that is worth it. */
  async run(choice: SplitChoice, inputs: NamedTensors, options: SplitRunOptions): Promise<SplitRun> {
    const result = await this.#runner.run(this.#possible(choice), inputs, options);
    const [link] = result.timing.links;
    const asPlanned = result.route?.fallback !== true;
    this.#doubtedAt = asPlanned ? Number.NEGATIVE_INFINITY : performance.now();
    if (link !== undefined && asPlanned) {
      const upBytes = result.sent.reduce((total, { bytes }) => total + bytes, 0);
      this.#plannedBytes = upBytes;
      this.#observe({ upBytes, downBytes: result.receivedBytes, sendMs: link.sendMs });
    }
    return result;
  }

  /** The choice, unless it is this runner's own and its server is away. */
  #possible(choice: SplitChoice): SplitChoice {
    const { alone, choices, onAway } = this.#adaptation;
    const instead = alone === undefined ? undefined : choices[alone];
    if (instead === undefined || choice !== this.choice) return choice;
    const away = !this.#server.connected;
    if (away !== this.#away) {
      this.#away = away;
      onAway?.(away);
    }
    return away ? instead : choice;
  }

  #observe(observation: LinkObservation): void {
    this.#observedAt = performance.now();
    const wanted = this.#adaptation.next(observation, this.#current);
    if (wanted === this.#current || this.#switching !== undefined || performance.now() < this.#restUntil) return;
    this.#switching = this.#switchTo(wanted).finally(() => {
      this.#switching = undefined;
    });
  }

  /** The segments are loaded on all devices before the first request uses them. */
  async #switchTo(wanted: number): Promise<void> {
    const choice = this.#adaptation.choices[wanted];
    if (choice === undefined) return;
    try {
      await this.#runner.prepare(choice, this.#stop.signal);
      const from = this.#current;
      this.#current = wanted;
      this.#adaptation.onSwitch(from, wanted);
    } catch (thrown) {
      if (this.#stop.signal.aborted) return;
      this.#restUntil = performance.now() + restMs;
      this.#adaptation.onError(asCutpointError(thrown, 'CUT_INTERNAL'), wanted);
    }
  }

  async #probeWhenIdle(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await sleep(doubtMs, undefined, { signal }).catch(() => undefined);
      // Without requests nobody gains by a quick answer, and the link may be paid for by the byte.
      const inDoubt = performance.now() - this.#doubtedAt < idleMs && this.#plannedBytes > 0;
      const patienceMs = inDoubt ? doubtMs : idleMs;
      if (signal.aborted || performance.now() - this.#observedAt < patienceMs || !this.#server.connected) continue;
      // In doubt as a request would be, in the way that was planned.
      for (const bytes of inDoubt ? [this.#plannedBytes] : probeBytes) await this.#probe(bytes);
    }
  }

  async #probe(upBytes: number): Promise<void> {
    const request = { method: probeMethod, tensors: new Map([['bytes', zeroBytes(upBytes)]]) };
    const options = { deadlineMs: probeDeadlineMs, signal: this.#stop.signal };
    try {
      const { timing } = await this.#server.peer().request(request, options);
      this.#observe({ upBytes, downBytes: 0, sendMs: timing.networkUs / 1000 });
    } catch (thrown) {
      if (this.#stop.signal.aborted) return;
      this.#adaptation.onError(asCutpointError(thrown, 'CUT_CONNECTION_LOST'), this.#current);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#probing;
    await this.#switching;
  }
}
