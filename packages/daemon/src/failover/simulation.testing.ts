import { CutpointError, onCancel } from '@cutpoint/core';
import type { CircuitBreaker } from './circuit-breaker.js';
import type { Clock } from './clock.js';
import { Pace } from './pace.js';
import type { Rung } from './rung.js';

/** A clock that stands still until it is told to go on, and then jumps from one event to the next. */
export class SimulatedClock implements Clock {
  #nowMs = 0;
  #events: { readonly atMs: number; readonly act: () => void }[] = [];

  now(): number {
    return this.#nowMs;
  }

  after(ms: number, act: () => void): Disposable {
    const event = { atMs: this.#nowMs + Math.max(0, ms), act };
    this.#events.push(event);
    return {
      [Symbol.dispose]: () => {
        this.#events = this.#events.filter((other) => other !== event);
      },
    };
  }

  /** Lets all happen that is due up to a moment. */
  async runUntil(endMs: number): Promise<void> {
    for (;;) {
      await settled();
      const due = this.#events.filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (due === undefined) break;
      this.#events = this.#events.filter((other) => other !== due);
      this.#nowMs = due.atMs;
      due.act();
    }
    this.#nowMs = endMs;
  }
}

/** All promises that can settle now have. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** How a link is for a while: well, gone, silent until it heals, or at a share of its rate. */
export interface Weather {
  readonly untilMs: number;
  readonly kind: 'well' | 'gone' | 'silent' | 'slow';
}

const slowTimes = 100;

/** When a request that begins at a moment is answered, or fails. */
function outcomeAt(nowMs: number, usualMs: number, weather: readonly Weather[]): { atMs: number; ok: boolean } {
  const now = weather.find(({ untilMs }) => nowMs < untilMs);
  switch (now?.kind) {
    case 'gone':
      return { atMs: nowMs + 1, ok: false };
    case 'slow':
      return { atMs: nowMs + usualMs * slowTimes, ok: true };
    case 'silent':
      return outcomeAt(now.untilMs, usualMs, weather);
    default:
      return { atMs: nowMs + usualMs, ok: true };
  }
}

export interface SimulatedRung extends Rung<number, number> {
  /** Requests that it was asked and that it computed. */
  readonly asked: number[];
}

/** A device whose answer to a number is its square. It takes `usualMs` and is reached over a link with that weather. */
export function simulatedRung(
  name: string,
  clock: Clock,
  { usualMs, weather = [], breaker }: { usualMs: number; weather?: readonly Weather[]; breaker?: CircuitBreaker },
): SimulatedRung {
  const asked: number[] = [];
  return {
    name,
    breaker,
    pace: new Pace(),
    asked,
    run: (request, { signal }) =>
      new Promise((resolve, reject) => {
        asked.push(request);
        const { atMs, ok } = outcomeAt(clock.now(), usualMs, weather);
        const timer = clock.after(atMs - clock.now(), () => {
          if (ok) resolve(request ** 2);
          else reject(new CutpointError('CUT_CONNECTION_LOST', 'The link is gone.'));
        });
        onCancel(signal, () => {
          timer[Symbol.dispose]();
          reject(new CutpointError('CUT_CANCELLED', 'Cancelled.'));
        });
      }),
  };
}
