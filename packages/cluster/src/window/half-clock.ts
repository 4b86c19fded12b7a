import { median } from '@cutpoint/core';
import type { HalfTimes } from './token-time.js';

/** Of so many the middle one counts: a prompt, or a pause between two questions, is not what a token takes. */
const remembered = 5;

/** What a half layer took lately. */
export interface MeasuredTimes extends HalfTimes {
  /** In which its bytes were waited for. */
  readonly waitMs: number;
}

/** Measures each half layer on its way through the computing thread. */
export class HalfClock {
  readonly #lately: readonly Record<keyof MeasuredTimes, number[]>[];
  #wanted: number | undefined;
  #wantedMs = 0;
  #hereMs = 0;
  #openedMs = 0;
  #running: number | undefined;

  constructor(halves: number) {
    this.#lately = Array.from({ length: halves }, () => ({ readMs: [], openMs: [], busyMs: [], waitMs: [] }));
  }

  wanted(index: number): void {
    this.#wanted = index;
    this.#wantedMs = performance.now();
    const before = this.#running;
    this.#running = undefined;
    if (before !== undefined && before + 1 === index) this.#note(before, 'busyMs', this.#wantedMs - this.#openedMs);
  }

  /** Its bytes are here. */
  read(index: number, readMs: number): void {
    this.#hereMs = performance.now();
    this.#note(index, 'readMs', readMs);
    // What stays is read before anybody wants it.
    if (index === this.#wanted) this.#note(index, 'waitMs', this.#hereMs - this.#wantedMs);
  }

  /** It was opened of the bytes that were here. */
  opened(index: number): void {
    this.#note(index, 'openMs', performance.now() - this.#hereMs);
  }

  /** It begins to run. */
  runs(index: number): void {
    this.#openedMs = performance.now();
    this.#running = index;
  }

  /** The last of a token: what comes behind it is not its own. */
  ended(index: number): void {
    if (this.#running === index) this.#note(index, 'busyMs', performance.now() - this.#openedMs);
    this.#running = undefined;
  }

  times(): MeasuredTimes[] {
    const middle = (values: readonly number[]) => (values.length === 0 ? 0 : median(values));
    return this.#lately.map(({ readMs, openMs, busyMs, waitMs }) => ({
      readMs: middle(readMs),
      openMs: middle(openMs),
      busyMs: middle(busyMs),
      waitMs: middle(waitMs),
    }));
  }

  #note(index: number, of: keyof MeasuredTimes, ms: number): void {
    const values = this.#lately[index]?.[of];
    if (values === undefined) return;
    values.push(ms);
    if (values.length > remembered) values.shift();
  }
}
