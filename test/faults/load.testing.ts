import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { CutpointError, type NamedTensors } from '@cutpoint/core';
import { connect, type Peer } from '@cutpoint/wire';
import { classifierInput, loadWhole } from '../models.testing.js';

/** What became of the requests of a load. */
export interface LoadReport {
  readonly sent: number;
  readonly answered: number;
  /** Ended with an error, by code. */
  readonly lost: Readonly<Record<string, number>>;
  /** Answered with something else than the whole model's answer. */
  readonly wrong: number;
  /** Computed more than once, by the count of the agent. */
  readonly duplicated: number;
  /** Longest time between two answers that followed one another. */
  readonly longestGapMs: number;
  /** Answers by the way they took. */
  readonly ways: Readonly<Record<string, number>>;
}

interface Question {
  readonly input: NamedTensors;
  readonly expected: Uint8Array;
}

/** Inputs, and what the uncut model answers to each. */
export async function questionsFor(model: string, count: number): Promise<readonly Question[]> {
  await using whole = await loadWhole(model);
  const questions: Question[] = [];
  for (let seed = 1; seed <= count; seed++) {
    const [answer] = (await whole.run(classifierInput(seed))).outputs.values();
    if (answer === undefined) throw new Error('The model has an output.');
    questions.push({ input: classifierInput(seed), expected: answer.data });
  }
  return questions;
}

/** Steady requests to an agent, sent when they are due, whatever became of those before. */
export class Load implements AsyncDisposable {
  readonly #peer: Peer;
  readonly #questions: readonly Question[];
  readonly #computedBefore: number;
  readonly #deadlineMs: number;
  readonly #underWay = new Set<Promise<void>>();
  readonly #timer: NodeJS.Timeout;
  readonly #lost: Record<string, number> = {};
  readonly #ways: Record<string, number> = {};
  #lastWay = '';
  #sent = 0;
  #answered = 0;
  #wrong = 0;
  #longestGapMs = 0;
  #lastAnswerMs = performance.now();

  private constructor(peer: Peer, questions: readonly Question[], computedBefore: number, options: LoadOptions) {
    this.#peer = peer;
    this.#questions = questions;
    this.#computedBefore = computedBefore;
    this.#deadlineMs = options.deadlineMs;
    this.#timer = setInterval(() => this.#send(), 1000 / options.perSecond);
  }

  static async start(url: string, questions: readonly Question[], options: LoadOptions): Promise<Load> {
    const computed = await computedBy(url);
    return new Load(await connect({ url, connectTimeoutMs: 10_000 }), questions, computed, options);
  }

  /** The way of the latest answer. */
  get lastWay(): string {
    return this.#lastWay;
  }

  get answered(): number {
    return this.#answered;
  }

  /** Waits until the latest answer took a way, and says how long that was from now, in ms. */
  async until(way: string, longestMs = 20_000): Promise<number> {
    const from = performance.now();
    while (!this.#lastWay.includes(way)) {
      if (performance.now() - from > longestMs) throw new Error(`No answer by ${way}, but by ${this.#lastWay}.`);
      await sleep(10);
    }
    return performance.now() - from;
  }

  /** Sends no more, waits for those under way, and tells. */
  async stop(url: string): Promise<LoadReport> {
    clearInterval(this.#timer);
    await Promise.all(this.#underWay);
    const computed = (await computedBy(url)) - this.#computedBefore;
    return {
      sent: this.#sent,
      answered: this.#answered,
      lost: this.#lost,
      wrong: this.#wrong,
      duplicated: computed - this.#answered,
      longestGapMs: Math.round(this.#longestGapMs),
      ways: this.#ways,
    };
  }

  #send(): void {
    const question = this.#questions[this.#sent % this.#questions.length];
    if (question === undefined) return;
    this.#sent += 1;
    const request = this.#ask(question).finally(() => this.#underWay.delete(request));
    this.#underWay.add(request);
  }

  async #ask({ input, expected }: Question): Promise<void> {
    const request = { method: 'infer', meta: { id: randomUUID() }, tensors: input };
    try {
      const { tensors, meta } = await this.#peer.request(request, { deadlineMs: this.#deadlineMs });
      const [answer] = tensors.values();
      const nowMs = performance.now();
      this.#longestGapMs = Math.max(this.#longestGapMs, nowMs - this.#lastAnswerMs);
      this.#lastAnswerMs = nowMs;
      this.#answered += 1;
      if (answer === undefined || Buffer.compare(answer.data, expected) !== 0) this.#wrong += 1;
      this.#lastWay = (meta.route as { by?: string } | undefined)?.by ?? 'the only way';
      this.#ways[this.#lastWay] = (this.#ways[this.#lastWay] ?? 0) + 1;
    } catch (thrown) {
      const code = thrown instanceof CutpointError ? thrown.code : String(thrown);
      this.#lost[code] = (this.#lost[code] ?? 0) + 1;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#peer.close();
  }
}

interface LoadOptions {
  readonly perSecond: number;
  readonly deadlineMs: number;
}

/** How many requests an agent with a ladder says it has answered. */
async function computedBy(url: string): Promise<number> {
  const page = await fetch(`${url.replace(/^ws/, 'http')}/readyz`, { signal: AbortSignal.timeout(10_000) });
  const { requests } = (await page.json()) as { requests: { planned: number; fallback: number } };
  return requests.planned + requests.fallback;
}
