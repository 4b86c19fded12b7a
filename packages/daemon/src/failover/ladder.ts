import { type CancelSignal, CancelSource, CutpointError, cancelReason, messageOf, onCancel } from '@cutpoint/core';
import type { CircuitBreaker, Passage } from './circuit-breaker.js';
import { isClimbable } from './climbable.js';
import { type Clock, systemClock } from './clock.js';
import type { HedgeBudget } from './hedge-budget.js';
import { noneAnswered } from './none-answered.js';
import type { Climbed, Rung, TriedRung } from './rung.js';
import { blamedAfterMs, waitMs } from './shares.js';

export interface ClimbOptions {
  /** How long the whole request may take, from now, in ms. */
  readonly deadlineMs: number;
  /** Makes it safe to ask several devices, and one several times. */
  readonly id: string;
  /** Size of the request: requests of like size are expected to take as long. */
  readonly bytes: number;
  readonly signal?: CancelSignal | undefined;
  readonly clock?: Clock;
  /** Shared by all requests of a device: without it, every slow request is hedged. */
  readonly hedges?: HedgeBudget;
}

/** A request that may not be hedged yet asks again after this. */
const askAgainMs = 50;

/** One that has been asked, and one more that was begun as the first seemed slow. */
const mostAtATime = 2;

/**
 * Asks the rungs of a ladder in order until one answers, in time. A rung that fails is followed by the next at once. One
 * that is slow goes on beside the next; the first answer counts, and the other is cancelled. Rungs whose links fail
 * are tried only when no other is left. What each may take leaves time for the last.
 * Hedged requests: Dean and Barroso, The Tail at Scale, CACM 2013.
 * @throws CutpointError what a rung throws that another cannot mend (CUT_INPUT); if all failed, the code of the first
 * that was tried, with all reasons; CUT_DEADLINE, CUT_CANCELLED.
 */
export function climb<Request, Answer>(
  rungs: readonly Rung<Request, Answer>[],
  request: Request,
  options: ClimbOptions,
): Promise<Climbed<Answer>> {
  return new Climb(rungs, request, options).answer;
}

/** The budget of one rung: it is the request's, and other rungs may end it early. */
class RungSignal extends CancelSource {
  readonly endsAtMs: number;

  constructor(endsAtMs: number) {
    super();
    this.endsAtMs = endsAtMs;
  }
}

interface Running<Request, Answer> {
  readonly rung: Rung<Request, Answer>;
  readonly startedMs: number;
  /** After so long without an answer its link counts as slow. */
  readonly blamedAfterMs: number;
  readonly passage: Passage | undefined;
  readonly signal: RungSignal;
}

class Climb<Request, Answer> {
  readonly answer: Promise<Climbed<Answer>>;
  readonly #options: ClimbOptions;
  readonly #clock: Clock;
  readonly #request: Request;
  readonly #rungs: readonly Rung<Request, Answer>[];
  readonly #endsAtMs: number;
  readonly #tried: TriedRung[] = [];
  readonly #held: Disposable[] = [];
  /** Not tried yet, in order. */
  #left: readonly Rung<Request, Answer>[];
  /** The oldest first. */
  #running: readonly Running<Request, Answer>[] = [];
  #patience: Disposable | undefined;
  #settled = false;
  #resolve!: (climbed: Climbed<Answer>) => void; // both are set by the promise's executor in the constructor
  #reject!: (error: unknown) => void;

  constructor(rungs: readonly Rung<Request, Answer>[], request: Request, options: ClimbOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#request = request;
    this.#rungs = rungs;
    this.#left = rungs;
    this.#endsAtMs = this.#clock.now() + options.deadlineMs;
    options.hedges?.earn();
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const { signal } = options;
    this.#held.push(this.#clock.after(options.deadlineMs, () => this.#expired()));
    this.#held.push(onCancel(signal, () => this.#fail(signal && cancelReason(signal))));
    this.#next();
  }

  /** Begins the next rung, if there is one; fails if nothing is left to wait for. */
  #next(): void {
    if (this.#settled) return;
    const rung = this.#pick();
    if (rung !== undefined && !this.#mayHedge()) this.#patience = this.#clock.after(askAgainMs, () => this.#next());
    else if (rung !== undefined && this.#makeRoom(rung)) this.#start(rung);
    else if (this.#running.length === 0) this.#fail(noneAnswered(this.#tried));
  }

  /** Beside one that only is slow, within the budget; a link that is left as failing says that it is not the load. */
  #mayHedge(): boolean {
    const { hedges } = this.#options;
    if (this.#running.length === 0 || hedges === undefined) return true;
    return this.#running.some(({ rung }) => !isReady(rung)) || hedges.spend();
  }

  /** The first whose link is used and that would be done in time; beside another, before the last must begin. */
  #pick(): Rung<Request, Answer> | undefined {
    const beside = this.#beside(this.#running.map(({ rung }) => rung));
    // Whether a link is well again is tried by those who have their whole time before them.
    const wellKnown = this.#running.length === 0 ? readyFirst(beside) : steadyFirst(beside);
    // Nobody is given up for one that would be too late.
    const isFull = this.#running.length >= mostAtATime;
    const candidates = isFull ? wellKnown.filter((rung) => this.#usualMs(rung) <= this.#freeMs(0)) : wellKnown;
    const last = candidates.at(-1);
    if (last === undefined) return undefined;
    const reserveMs = this.#running.length === 0 ? 0 : (last.pace.reserveMs(this.#options.bytes) ?? 0);
    const freeMs = this.#freeMs(reserveMs);
    return candidates.find((rung) => rung === last || (freeMs > 0 && this.#usualMs(rung) <= freeMs));
  }

  #freeMs(reserveMs: number): number {
    return this.#endsAtMs - this.#clock.now() - reserveMs;
  }

  /** 0 where nothing is known. */
  #usualMs({ pace }: Rung<Request, Answer>): number {
    return pace.of(this.#options.bytes)?.p50Ms ?? 0;
  }

  /** False if all who run are worth more than this rung. */
  #makeRoom(rung: Rung<Request, Answer>): boolean {
    if (this.#running.length < mostAtATime) return true;
    if (!isReady(rung)) return false;
    const overdue = (run: Running<Request, Answer>) => this.#clock.now() - run.startedMs >= run.blamedAfterMs;
    // What needs no other device is not given up for the sake of a link.
    const victim = this.#running.find((run) => run.rung.breaker !== undefined || overdue(run));
    if (victim !== undefined) this.#giveUp(victim);
    return victim !== undefined;
  }

  /** Those left that do not use a link of these: a link that is slow for one is slow for all. */
  #beside(rungs: readonly Rung<Request, Answer>[]): readonly Rung<Request, Answer>[] {
    const links = new Set(rungs.map(({ breaker }) => breaker).filter((breaker) => breaker !== undefined));
    return this.#left.filter(({ breaker }) => breaker === undefined || !links.has(breaker));
  }

  #start(rung: Rung<Request, Answer>): void {
    this.#left = this.#left.filter((other) => other !== rung);
    const startedMs = this.#clock.now();
    const leftMs = this.#endsAtMs - startedMs;
    const budget = { leftMs, bytes: this.#options.bytes, trial: rung.breaker?.state === 'half-open' };
    const behind = readyFirst(this.#beside([rung]));
    const run: Running<Request, Answer> = {
      rung,
      startedMs,
      blamedAfterMs: blamedAfterMs(rung, behind, budget),
      passage: rung.breaker?.enter(),
      signal: new RungSignal(this.#endsAtMs),
    };
    this.#running = [...this.#running, run];
    this.#patience?.[Symbol.dispose]();
    // To links that are left no time is owed.
    const longestMs = behind.some(isReady) ? waitMs(rung, behind, budget) : rung.pace.patienceMs(budget.bytes);
    const wait = longestMs ?? waitMs(rung, behind, budget);
    this.#patience = behind.length === 0 ? undefined : this.#clock.after(wait, () => this.#next());
    const { id } = this.#options;
    // A rung that throws at once is treated as one that rejects.
    const answer = new Promise<Answer>((resolve) => resolve(rung.run(this.#request, { id, signal: run.signal })));
    answer.then(
      (value) => this.#answered(run, value),
      (thrown: unknown) => this.#failed(run, thrown),
    );
  }

  #answered(run: Running<Request, Answer>, answer: Answer): void {
    if (!this.#running.includes(run)) return;
    const ms = this.#clock.now() - run.startedMs;
    const { rung, passage } = run;
    const slow = ms >= run.blamedAfterMs;
    if (slow) passage?.bad('slow');
    else passage?.good();
    // What a device does alone takes as long as it takes; of a link that is slow is known what is usual.
    if (!slow || passage === undefined) rung.pace.add(this.#options.bytes, ms);
    this.#tried.push({ rung: rung.name, outcome: 'answered', ms });
    this.#running = this.#running.filter((other) => other !== run);
    this.#end();
    for (const { name } of this.#passedOver(rung)) this.#tried.push({ rung: name, outcome: 'left', ms: 0 });
    this.#resolve({ answer, rung: rung.name, fallback: rung !== this.#rungs[0], tried: this.#tried });
  }

  /** Rungs before this one that nobody tried. */
  #passedOver(rung: Rung<Request, Answer>): readonly Rung<Request, Answer>[] {
    const before = this.#rungs.slice(0, this.#rungs.indexOf(rung));
    return before.filter((other) => this.#left.includes(other));
  }

  #failed(run: Running<Request, Answer>, thrown: unknown): void {
    if (!this.#running.includes(run)) return;
    const newest = this.#running.at(-1) === run;
    this.#running = this.#running.filter((other) => other !== run);
    const ms = this.#clock.now() - run.startedMs;
    if (!isClimbable(thrown)) {
      run.passage?.good();
      this.#fail(thrown);
      return;
    }
    run.passage?.bad('failed');
    this.#tried.push({ rung: run.rung.name, outcome: 'failed', ms, code: thrown.code, message: messageOf(thrown) });
    // The one that was begun after it still has its own time.
    if (newest || this.#running.length === 0) this.#next();
  }

  /** Cancels one that has not answered. */
  #giveUp(run: Running<Request, Answer>): void {
    this.#running = this.#running.filter((other) => other !== run);
    const ms = this.#clock.now() - run.startedMs;
    const slow = ms >= run.blamedAfterMs;
    if (slow) run.passage?.bad('slow');
    else run.passage?.unknown();
    this.#tried.push({ rung: run.rung.name, outcome: slow ? 'slow' : 'cancelled', ms });
    run.signal.abort(new CutpointError('CUT_CANCELLED', 'Another way has been taken.'));
  }

  #expired(): void {
    if (this.#settled) return;
    const asked = [...this.#tried.map(({ rung }) => rung), ...this.#running.map(({ rung }) => rung.name)];
    const message = `No answer came within ${Math.round(this.#options.deadlineMs)} ms; asked: ${asked.join('; ')}.`;
    this.#fail(new CutpointError('CUT_DEADLINE', message));
  }

  #fail(error: unknown): void {
    if (this.#settled) return;
    this.#end();
    this.#reject(error);
  }

  #end(): void {
    this.#settled = true;
    for (const run of this.#running) this.#giveUp(run);
    this.#patience?.[Symbol.dispose]();
    for (const held of this.#held) held[Symbol.dispose]();
  }
}

type Linked = { readonly breaker: CircuitBreaker | undefined };

function isReady({ breaker }: Linked): boolean {
  return breaker === undefined || breaker.ready;
}

/** Only those whose links are used; all where there is none. */
function readyFirst<R extends Linked>(rungs: readonly R[]): readonly R[] {
  const ready = rungs.filter(isReady);
  return ready.length > 0 ? ready : rungs;
}

/** Only those whose links did not fail; the ready where there is none. */
function steadyFirst<R extends Linked>(rungs: readonly R[]): readonly R[] {
  const steady = rungs.filter(({ breaker }) => breaker === undefined || breaker.state === 'closed');
  return steady.length > 0 ? steady : readyFirst(rungs);
}
