import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { CutpointError, type NamedTensors } from '@cutpoint/core';
import { connect, type Peer } from '@cutpoint/wire';
import { type HttpAnswer, inferOverHttp } from './kserve.testing.js';
import type { Supervised } from './supervised.testing.js';
import type { Sent } from './tally.testing.js';

export interface Question {
  readonly input: NamedTensors;
  /** What the uncut model answers. */
  readonly expected: Float32Array;
}

/** A daemon and the address that requests come in by. */
export interface Entry {
  readonly daemon: Supervised;
  readonly url: string;
}

export interface LoadOptions {
  readonly model: string;
  readonly agents: readonly Entry[];
  /** Servers with HTTP. */
  readonly servers: readonly Entry[];
  readonly questions: readonly Question[];
  readonly perSecond: number;
  readonly deadlineMs: number;
}

/** Callers that know of several servers give one so long. */
const attemptMs = 500;
const pauseMs = 50;
/** Each so many-th answer is asked for again with the same id. */
const repeatEach = 10;

/**
 * Steady requests, sent when they are due whatever became of those before: every other one begins at an agent, by turns,
 * as of a program beside it; the others come over HTTP. All are tried again with the same id until their deadline.
 */
export class FleetLoad implements AsyncDisposable {
  readonly sent: Sent[] = [];
  readonly startMs = performance.now();
  readonly #options: LoadOptions;
  readonly #askers: readonly AgentAsker[];
  readonly #underWay = new Set<Promise<void>>();
  readonly #timer: NodeJS.Timeout;
  /** The server that answered last, for callers. */
  #preferred = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#askers = options.agents.map((entry) => new AgentAsker(entry));
    this.#timer = setInterval(() => this.#sendDue(), 5);
  }

  /** Sends no more, and waits for what is under way. */
  async stop(): Promise<readonly Sent[]> {
    clearInterval(this.#timer);
    await Promise.all(this.#underWay);
    return this.sent;
  }

  #sendDue(): void {
    const { perSecond } = this.#options;
    const due = ((performance.now() - this.startMs) * perSecond) / 1_000;
    while (this.sent.length < due) this.#send(this.sent.length);
  }

  #send(number: number): void {
    const { agents, servers, questions } = this.#options;
    const fromAgent = number % 2 === 0;
    const which = Math.floor(number / 2) % agents.length;
    const from = fromAgent ? 'agents' : 'callers';
    const entries = (fromAgent ? agents.slice(which, which + 1) : servers).map(({ daemon }) => daemon.downtimes);
    const sent: Sent = { atMs: performance.now(), from, entries, attempts: 0, failures: [] };
    this.sent.push(sent);
    const question = questions[number % questions.length];
    const asker = this.#askers[which];
    if (question === undefined || asker === undefined) throw new Error('There are questions and agents.');
    const ended = (fromAgent ? this.#askAgent(asker, question, sent) : this.#askServers(question, sent)).finally(() =>
      this.#underWay.delete(ended),
    );
    this.#underWay.add(ended);
  }

  async #askAgent(asker: AgentAsker, question: Question, sent: Sent): Promise<void> {
    const id = randomUUID();
    await this.#untilAnswered(sent, async (leftMs) => {
      const { model } = this.#options;
      const run = asker.entry.daemon.run;
      const ask = async (deadlineMs: number) =>
        (await asker.peer()).request({ method: 'infer', meta: { model, id }, tensors: question.input }, { deadlineMs });
      const { meta, tensors } = await ask(leftMs);
      this.#answered(sent, question, tensors);
      sent.way = wayOf(asker.entry.daemon.name, meta.route);
      asker.entry.daemon.rose();
      if (this.sent.indexOf(sent) % repeatEach !== 0) return;
      const again = await ask(this.#options.deadlineMs).catch(() => undefined);
      if (again === undefined || asker.entry.daemon.run !== run) return;
      const same = JSON.stringify(again.meta) === JSON.stringify(meta) && sameBytes(again.tensors, dataOf(tensors));
      sent.duplicated = !same;
    });
  }

  async #askServers(question: Question, sent: Sent): Promise<void> {
    const id = randomUUID();
    const { servers, model } = this.#options;
    let number = this.#preferred;
    await this.#untilAnswered(sent, async (leftMs) => {
      const which = number % servers.length;
      const entry = servers[which];
      if (entry === undefined) throw new Error('There are servers.');
      // Of several, another may be better.
      const deadlineMs = servers.length > 1 ? Math.min(leftMs, attemptMs) : leftMs;
      const { run } = entry.daemon;
      const ask = (ms: number): Promise<HttpAnswer> =>
        inferOverHttp(entry.url, { model, id, input: question.input, leftMs, deadlineMs: ms });
      let answer: HttpAnswer;
      try {
        answer = await ask(deadlineMs);
      } catch (thrown) {
        if (this.#preferred % servers.length === which) this.#preferred = which + 1;
        number += 1;
        throw thrown;
      }
      this.#answered(sent, question, answer.outputs);
      sent.way = `HTTP ${answer.path}`;
      entry.daemon.rose();
      if (this.sent.indexOf(sent) % repeatEach !== 1) return;
      const again = await ask(this.#options.deadlineMs).catch(() => undefined);
      if (again === undefined || entry.daemon.run !== run) return;
      sent.duplicated = again.timing !== answer.timing || !sameBytes(again.outputs, dataOf(answer.outputs));
    });
  }

  async #untilAnswered(sent: Sent, attempt: (leftMs: number) => Promise<void>): Promise<void> {
    const endMs = sent.atMs + this.#options.deadlineMs;
    while (sent.answeredMs === undefined && performance.now() < endMs) {
      sent.attempts += 1;
      try {
        await attempt(endMs - performance.now());
      } catch (thrown) {
        const code = thrown instanceof CutpointError ? thrown.code : String(thrown);
        sent.failures.push({ atMs: performance.now(), code });
        await sleep(pauseMs);
      }
    }
  }

  #answered(sent: Sent, { expected }: Question, outputs: NamedTensors | undefined): void {
    const nowMs = performance.now();
    // An answer after its deadline is none.
    if (nowMs > sent.atMs + this.#options.deadlineMs) throw new CutpointError('CUT_DEADLINE', 'It came too late.');
    sent.answeredMs = nowMs;
    sent.wrong = !isNear(dataOf(outputs), expected);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#underWay);
    for (const asker of this.#askers) await asker.close();
  }
}

/** A program that asks the agent beside it over one connection, which it makes anew when it is lost. */
class AgentAsker {
  readonly entry: Entry;
  #peer: Promise<Peer> | undefined;

  constructor(entry: Entry) {
    this.entry = entry;
  }

  peer(): Promise<Peer> {
    if (this.#peer !== undefined) return this.#peer;
    const made = connect({ url: this.entry.url, connectTimeoutMs: 1_000 });
    this.#peer = made;
    const lost = () => {
      if (this.#peer === made) this.#peer = undefined;
    };
    made.then((peer) => peer.closed.then(lost), lost);
    return made;
  }

  async close(): Promise<void> {
    const peer = await this.#peer?.catch(() => undefined);
    await peer?.close();
  }
}

function wayOf(agent: string, route: unknown): string {
  const { by = 'unknown' } = (route ?? {}) as { by?: string };
  return by === 'this device alone' ? `${agent} alone` : `${agent} > ${by}`;
}

function dataOf(tensors: NamedTensors | undefined): Uint8Array {
  const [only] = tensors?.values() ?? [];
  return only?.data ?? new Uint8Array();
}

/** Segments are optimised each for itself, which changes the last bits. */
const tolerance = 1e-3;

/** Whether an answer is that of the uncut model, but for the last bits. */
export function isNear(data: Uint8Array, expected: Float32Array): boolean {
  const values = new Float32Array(data.slice().buffer);
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const near = (value: number, i: number) => Math.abs(value - (expected[i] ?? Number.NaN)) <= tolerance * largest;
  return values.length === expected.length && values.every(near);
}

function sameBytes(tensors: NamedTensors | undefined, expected: Uint8Array): boolean {
  return Buffer.compare(dataOf(tensors), expected) === 0;
}
