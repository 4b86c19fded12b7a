import { randomBytes } from 'node:crypto';
import { asCutpointError, CutpointError, isErrorCode } from '@cutpoint/core';
import type { BrokerConnection } from '../connection/connection.js';
import type { DeviceId, FleetId, SessionId } from '../ids.js';
import type { Command, Reply } from '../messages.js';
import { pause } from '../pause.js';
import { topicOf } from '../topics.js';

export interface CommandOptions {
  /** How long the device has to answer. */
  readonly budgetMs: number;
  readonly signal?: AbortSignal;
}

export interface CommandsOptions {
  readonly fleet: FleetId;
  /** Hears what a broken connection says; the command is sent again. */
  readonly onProblem: (error: CutpointError) => void;
}

interface Pending {
  readonly device: DeviceId;
  readonly session: SessionId;
  readonly resolve: (outcome: Reply['outcome']) => void;
  readonly reject: (error: CutpointError) => void;
}

const most = 1024;
const repeatMs = 1_000;

/** Commands to devices, and those that wait for their replies. */
export class Commands {
  readonly #connection: BrokerConnection;
  readonly #options: CommandsOptions;
  readonly #pending = new Map<string, Pending>();

  constructor(connection: BrokerConnection, options: CommandsOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /**
   * Has a device do something and waits for its answer. It is asked again while it is silent; it does it once.
   * @throws CutpointError CUT_DEADLINE, CUT_CANCELLED, CUT_CONNECTION_LOST if it was restarted, CUT_OVERLOADED, and what it
   * answers.
   */
  async send(
    { device, session }: Pick<Pending, 'device' | 'session'>,
    action: Command['action'],
    { budgetMs, signal }: CommandOptions,
  ): Promise<readonly string[]> {
    const id = randomBytes(16).toString('hex');
    const answered = this.#wait(id, { device, session });
    const late = new CutpointError('CUT_DEADLINE', `${device} did not answer a command within ${budgetMs} ms.`);
    const timer = setTimeout(() => this.#fail(id, late), budgetMs);
    const cancel = () => this.#fail(id, new CutpointError('CUT_CANCELLED', 'The command was cancelled.'));
    signal?.addEventListener('abort', cancel, { once: true });
    if (signal?.aborted) cancel();
    const done = new AbortController();
    void this.#ask(device, { id, session, budgetMs, action }, done.signal);
    try {
      return linesOf(await answered);
    } finally {
      done.abort();
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
    }
  }

  #wait(id: string, { device, session }: Pick<Pending, 'device' | 'session'>): Promise<Reply['outcome']> {
    if (this.#pending.size >= most) {
      throw new CutpointError('CUT_OVERLOADED', `${most} commands wait for their replies already; try again later.`);
    }
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { device, session, resolve, reject });
    });
  }

  /** A reply arrived. One that nobody waits for, or from another device than was asked, is dropped. */
  answer(device: DeviceId, { id, session, outcome }: Reply): void {
    const pending = this.#pending.get(id);
    if (pending === undefined || pending.device !== device || pending.session !== session) return;
    this.#pending.delete(id);
    pending.resolve(outcome);
  }

  /** A device started anew: what its former session was asked will not be answered. */
  sessionEnded(device: DeviceId, session: SessionId): void {
    for (const [id, pending] of this.#pending) {
      if (pending.device !== device || pending.session === session) continue;
      const message = `${device} was restarted before it answered a command.`;
      this.#fail(id, new CutpointError('CUT_CONNECTION_LOST', message));
    }
  }

  failAll(error: CutpointError): void {
    for (const id of [...this.#pending.keys()]) this.#fail(id, error);
  }

  async #ask(device: DeviceId, asked: Command, signal: AbortSignal): Promise<void> {
    const topic = topicOf(this.#options.fleet, device, 'command');
    while (!signal.aborted) {
      try {
        await this.#connection.publish(topic, asked, { acknowledged: true });
      } catch (thrown) {
        this.#options.onProblem(asCutpointError(thrown, 'CUT_INTERNAL'));
      }
      await pause(repeatMs, signal);
    }
  }

  #fail(id: string, error: CutpointError): void {
    this.#pending.get(id)?.reject(error);
    this.#pending.delete(id);
  }
}

function linesOf(outcome: Reply['outcome']): readonly string[] {
  if (outcome.ok) return outcome.lines ?? [];
  const code = isErrorCode(outcome.code) ? outcome.code : 'CUT_INTERNAL';
  throw new CutpointError(code, outcome.message);
}
