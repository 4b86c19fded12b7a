import { asCutpointError, type CancelSignal, CutpointError, throwIfCancelled } from '@cutpoint/core';
import { chooseWindow, planAtMost } from './choose-window.js';
import { HalfClock } from './half-clock.js';
import type { HalfLayer, OpenHalf } from './half-layer.js';
import { ReadAhead } from './read-ahead.js';
import type { ReadBytes } from './read-thread.js';
import { bufferBytes, type HalfBytes, halfBytes, type WindowPlan } from './window-plan.js';
import { reportWindow, type WindowReport } from './window-report.js';

/** Until times are measured: one half layer is opened while another is read. */
const firstDepth = 2;

/** After so many tokens the window is laid out anew by measured times; then after twice as many, and so on. */
const firstReview = 4;

export interface WindowOptions {
  /** For errors. */
  readonly rank: number;
  /** What half layers may take: open, being opened, and read ahead. */
  readonly budgetBytes: number;
  readonly signal?: CancelSignal | undefined;
}

/**
 * The half layers of one rank within a budget of memory: as many as fit stay for good, evenly over the order, and the rest are
 * read ahead by another thread, opened when their turn comes and closed behind it. For one thread that computes: half layers
 * are taken in order, each released before the next is taken; a token may begin anew at any time.
 */
export class LayerWindow<Half extends OpenHalf> implements AsyncDisposable {
  readonly #halves: readonly HalfLayer<Half>[];
  readonly #sizes: readonly HalfBytes[];
  readonly #options: WindowOptions;
  readonly #ahead: ReadAhead;
  readonly #clock: HalfClock;
  readonly #open = new Map<number, Half>();
  #plan: WindowPlan;
  #taken: number | undefined;
  #tokens = 0;
  #nextReview = firstReview;
  #ended: CutpointError | undefined;

  private constructor(halves: readonly HalfLayer<Half>[], options: WindowOptions) {
    this.#halves = halves;
    this.#options = options;
    this.#sizes = halves.map(halfBytes);
    this.#plan = planAtMost(this.#sizes, options.budgetBytes, firstDepth);
    this.#clock = new HalfClock(halves.length);
    const ways = halves.flatMap((half) => [half, half.passing ?? half]);
    this.#ahead = new ReadAhead(ways, bufferBytes(this.#sizes));
  }

  /**
   * Opens all half layers that stay.
   * @throws CutpointError CUT_WINDOW if the budget is too small, CUT_CANCELLED, CUT_FILE_NOT_FOUND or CUT_PACKAGE naming file and rank,
   * or as `open` of a half layer does.
   */
  static async open<Half extends OpenHalf>(
    halves: readonly HalfLayer<Half>[],
    options: WindowOptions,
  ): Promise<LayerWindow<Half>> {
    const window = new LayerWindow(halves, options);
    try {
      await window.#openStaying();
      return window;
    } catch (thrown) {
      await window[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  /**
   * A half layer, ready to run; to be released before the next is taken.
   * @throws CutpointError CUT_FILE_NOT_FOUND or CUT_PACKAGE naming file and rank, CUT_CANCELLED, CUT_DISPOSED, or as `open` of a
   * half layer does; it may be asked for again then.
   */
  async take(index: number, signal?: CancelSignal): Promise<Half> {
    if (this.#taken !== undefined) throw misused(`${index} was taken before ${this.#taken} was released`);
    throwIfCancelled(signal);
    this.#clock.wanted(index);
    const half = this.#open.get(index) ?? (await this.#load(index, signal));
    this.#taken = index;
    this.#clock.runs(index);
    return half;
  }

  /** Ends the use of the half layer that was taken. */
  async release(index: number): Promise<void> {
    if (index !== this.#taken) throw misused(`${index} was released, and had not been taken`);
    this.#taken = undefined;
    const last = index + 1 === this.#halves.length;
    if (last) this.#clock.ended(index);
    if (this.#plan.stays[index] !== true) await this.#close(index);
    if (last) await this.#endToken();
  }

  /** What the window does now, and what it costs. */
  report(): WindowReport {
    return reportWindow(this.#plan, this.#clock.times());
  }

  /** Closes all half layers and the thread that reads; what waits rejects with CUT_DISPOSED. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended ??= new CutpointError('CUT_DISPOSED', 'The window was closed.');
    await this.#ahead[Symbol.asyncDispose]();
    for (const index of [...this.#open.keys()]) await this.#close(index);
  }

  async #openStaying(): Promise<void> {
    const { depth, stays } = this.#plan;
    const staying = stays.flatMap((stay, i) => (stay ? [i] : []));
    for (const [done, index] of staying.entries()) {
      throwIfCancelled(this.#options.signal);
      await this.#ahead.aim(this.#itemsOf(staying.slice(done)), Math.max(1, depth));
      await this.#openRead(index, this.#options.signal);
    }
    if (depth === 0) await this.#ahead[Symbol.asyncDispose]();
    else await this.#aim(0);
  }

  async #load(index: number, signal: CancelSignal | undefined): Promise<Half> {
    if (this.#ended !== undefined) throw this.#ended;
    await this.#aim(index);
    const half = await this.#openRead(index, signal);
    await this.#aim(index + 1);
    return half;
  }

  /** Opens what is being read. */
  async #openRead(index: number, signal: CancelSignal | undefined): Promise<Half> {
    const layer = this.#halves[index];
    if (layer === undefined) throw misused(`${index} was taken, and there are ${this.#halves.length}`);
    let read: ReadBytes | undefined;
    try {
      read = await this.#ahead.bytesOf(this.#itemOf(index), signal);
      this.#clock.read(index, read.readMs);
      const way = this.#plan.stays[index] === true ? layer : (layer.passing ?? layer);
      this.#open.set(index, await way.open(read.bytes));
    } catch (thrown) {
      throw this.#named(layer.name, thrown, signal);
    } finally {
      if (read !== undefined) this.#ahead.giveBack(read);
    }
    this.#clock.opened(index);
    return await this.#whileOpen(index);
  }

  /** What was opened; closed again if the window has been meanwhile. */
  async #whileOpen(index: number): Promise<Half> {
    if (this.#ended !== undefined) await this.#close(index);
    const half = this.#open.get(index);
    if (half === undefined) throw this.#ended ?? misused(`${index} was closed while it was opened`);
    return half;
  }

  async #close(index: number): Promise<void> {
    const half = this.#open.get(index);
    this.#open.delete(index);
    await half?.release();
  }

  /** Has what is wanted from an index on read ahead. */
  async #aim(from: number): Promise<void> {
    const { depth, stays } = this.#plan;
    const count = this.#halves.length;
    const wanted: number[] = [];
    for (let k = 0; k < count && wanted.length < depth; k++) {
      const index = (from + k) % count;
      if (stays[index] !== true || !this.#open.has(index)) wanted.push(index);
    }
    await this.#ahead.aim(this.#itemsOf(wanted), depth);
  }

  #itemsOf(indices: readonly number[]): number[] {
    return indices.map((index) => this.#itemOf(index));
  }

  /** What is read of a half layer: as it stays, or as it passes. */
  #itemOf(index: number): number {
    return 2 * index + (this.#plan.stays[index] === true ? 0 : 1);
  }

  async #endToken(): Promise<void> {
    this.#tokens += 1;
    if (this.#plan.depth === 0 || this.#tokens < this.#nextReview) return;
    this.#nextReview *= 2;
    const plan = chooseWindow(this.#sizes, this.#options.budgetBytes, this.#clock.times(), this.#plan);
    if (plan === this.#plan) return;
    this.#plan = plan;
    for (const index of [...this.#open.keys()]) if (plan.stays[index] !== true) await this.#close(index);
    await this.#aim(0);
  }

  #named(name: string, thrown: unknown, signal: CancelSignal | undefined): CutpointError {
    const error = asCutpointError(thrown, 'CUT_LOAD');
    if (signal?.aborted === true || error.code === 'CUT_DISPOSED') return error;
    return new CutpointError(error.code, `Rank ${this.#options.rank}, ${name}: ${error.message}`, { cause: thrown });
  }
}

function misused(what: string): CutpointError {
  return new CutpointError('CUT_INTERNAL', `A window gives out one half layer at a time: ${what}.`);
}
