import { type Clock, systemClock } from './clock.js';

/** `closed`: requests pass. `open`: none does. `half-open`: one may try whether the link is well again. */
export type BreakerState = 'closed' | 'open' | 'half-open';

export interface BreakerOptions {
  readonly clock?: Pick<Clock, 'now'>;
  /** So many requests in a row that failed or were slow open it. */
  readonly badInARow?: number;
  /** How long it stays open at first; each trial in vain doubles that. */
  readonly firstRestMs?: number;
  /** Short enough that a link that has healed is used again within 3 s. */
  readonly longestRestMs?: number;
  /** Hears when it opens, and again after each trial in vain. */
  readonly onOpen?: (why: 'failed' | 'slow', again: boolean) => void;
  readonly onClose?: () => void;
}

/** Leave for one request to use a link. What became of it is told by exactly one of these; later calls do nothing. */
export interface Passage {
  /** The other side answered, and in time. */
  good(): void;
  /** The link or the device behind it failed, or was so slow that it is as good as gone. */
  bad(why: 'failed' | 'slow'): void;
  /** It was given up before anything could be told. */
  unknown(): void;
}

/**
 * Keeps requests from a link that fails or is slow, and lets one at a time through now and then to see whether it is
 * well again: the pattern "circuit breaker" (M. Nygard, Release It!, 2007).
 */
export class CircuitBreaker {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #badInARow: number;
  readonly #firstRestMs: number;
  readonly #longestRestMs: number;
  readonly #onOpen: BreakerOptions['onOpen'];
  readonly #onClose: BreakerOptions['onClose'];
  #open = false;
  #bad = 0;
  #restMs: number;
  #restsUntilMs = 0;
  #trials = 0;
  /** Grows with every change of state: news of requests that began before says nothing about the time after. */
  #epoch = 0;

  constructor({
    clock = systemClock,
    badInARow = 3,
    firstRestMs = 250,
    longestRestMs = 1_500,
    onOpen,
    onClose,
  }: BreakerOptions = {}) {
    this.#clock = clock;
    this.#badInARow = badInARow;
    this.#firstRestMs = firstRestMs;
    this.#longestRestMs = longestRestMs;
    this.#onOpen = onOpen;
    this.#onClose = onClose;
    this.#restMs = firstRestMs;
  }

  get state(): BreakerState {
    if (!this.#open) return 'closed';
    return this.#trials > 0 || this.#clock.now() >= this.#restsUntilMs ? 'half-open' : 'open';
  }

  /** Whether a request may use the link now. */
  get ready(): boolean {
    return !this.#open || (this.#trials === 0 && this.#clock.now() >= this.#restsUntilMs);
  }

  /** Begins a request; one that does so although the link is not `ready` counts as a trial, too. */
  enter(): Passage {
    const epoch = this.#epoch;
    const trial = this.#open;
    const inTurn = this.ready;
    if (trial) this.#trials += 1;
    let told = false;
    const tell = (act: () => void) => () => {
      if (told) return;
      told = true;
      if (epoch !== this.#epoch) return;
      if (trial) this.#trials -= 1;
      act();
    };
    return {
      good: tell(() => this.#good()),
      bad: (why) => tell(() => this.#fail(why))(),
      unknown: tell(() => {
        if (trial && inTurn) this.#rest();
      }),
    };
  }

  #good(): void {
    this.#bad = 0;
    if (!this.#open) return;
    this.#open = false;
    this.#restMs = this.#firstRestMs;
    this.#changed();
    this.#onClose?.();
  }

  #fail(why: 'failed' | 'slow'): void {
    if (this.#open) {
      this.#restMs = Math.min(this.#restMs * 2, this.#longestRestMs);
      this.#rest();
      this.#onOpen?.(why, true);
      return;
    }
    this.#bad += 1;
    if (this.#bad < this.#badInARow) return;
    this.#open = true;
    this.#rest();
    this.#onOpen?.(why, false);
  }

  #rest(): void {
    this.#restsUntilMs = this.#clock.now() + this.#restMs;
    this.#changed();
  }

  #changed(): void {
    this.#epoch += 1;
    this.#trials = 0;
    this.#bad = 0;
  }
}
