import { asCutpointError, CutpointError, isErrorCode } from '@cutpoint/core';
import type { z } from 'zod';
import type { Delivery } from '../connection/connection.js';
import type { SessionId } from '../ids.js';
import type { MemberConnection } from '../member/member.js';
import { readTopic, topicOf } from '../topics.js';
import { type Challenge, type Introduction, toPage, type Welcome } from './page-messages.js';
import type { PageSocket, PageSocketEvents } from './page-socket.js';

export interface PageConnectionOptions {
  /** Opens a WebSocket to the server's `pagePath`. */
  readonly dial: (events: PageSocketEvents) => PageSocket;
  readonly session: SessionId;
  /** Says who this page is, for this run. @throws what makes it impossible: then it is not tried again. */
  readonly introduce: (challenge: Challenge, session: SessionId) => Promise<Introduction>;
  /** The server has let this page in; what comes next waits until it is done. */
  readonly onWelcome: (welcome: Welcome) => Promise<void>;
  readonly onDown: () => void;
  /** It makes no sense to try again: revoked, not paired, or joined from elsewhere. */
  readonly onRefused: (error: CutpointError) => void;
  /** Hears why an attempt failed, for people. Must not throw. */
  readonly onProblem: (error: CutpointError) => void;
  readonly firstBackoffMs?: number;
  readonly maxBackoffMs?: number;
}

/** A page hears nothing for so long only if the connection is gone: leases come once a second. */
const silentMs = 15_000;

/**
 * A page's connection to its fleet: to the server, which speaks for it at the broker. It comes back by itself until it is
 * closed or refused for good; what was not sent by then is dropped, and the member says it anew.
 */
export class PageConnection implements MemberConnection, AsyncDisposable {
  readonly #options: PageConnectionOptions;
  readonly #listeners: ((delivery: Delivery) => void)[] = [];
  readonly #upListeners: (() => void)[] = [];
  #socket: PageSocket | undefined;
  #welcome: Welcome | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #backoffMs: number;
  #closed = false;
  /** What arrives is taken in order, though some of it takes time. */
  #taking: Promise<void> = Promise.resolve();

  constructor(options: PageConnectionOptions) {
    this.#options = options;
    this.#backoffMs = options.firstBackoffMs ?? 500;
    this.#dial();
  }

  get connected(): boolean {
    return this.#welcome !== undefined && this.#socket !== undefined;
  }

  /** Resolves once it is handed to the connection. @throws CutpointError CUT_UNREACHABLE */
  async publish(topic: string, message: unknown): Promise<void> {
    if (!this.connected) throw new CutpointError('CUT_UNREACHABLE', 'There is no connection to the server.');
    this.send(topic, message);
  }

  send(topic: string, message: unknown): void {
    const parts = readTopic(topic);
    if (!this.connected || parts?.kind !== 'channel') return;
    this.#socket?.send(JSON.stringify({ type: 'channel', channel: parts.channel, message }));
  }

  /** The server sends what is for this page, and nothing else: there is nothing to choose. */
  subscribe(_filters: readonly string[], listener: (delivery: Delivery) => void): void {
    this.#listeners.push(listener);
  }

  onUp(listener: () => void): void {
    this.#upListeners.push(listener);
    if (this.connected) listener();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#drop();
  }

  #dial(): void {
    // Events of a socket that was given up come late.
    let mine: PageSocket | undefined;
    const isCurrent = () => mine !== undefined && this.#socket === mine;
    mine = this.#options.dial({
      onText: (text) => {
        this.#watchSilence();
        this.#taking = this.#taking.then(async () => {
          if (isCurrent()) await this.#take(text).catch((thrown: unknown) => this.#giveUp(thrown));
        });
      },
      onClose: () => {
        if (isCurrent()) this.#lost();
      },
    });
    this.#socket = mine;
    this.#watchSilence();
  }

  async #take(text: string): Promise<void> {
    const message = parseHeard(text);
    switch (message.type) {
      case 'challenge': {
        const { session, introduce } = this.#options;
        this.#socket?.send(JSON.stringify(await introduce(message, session)));
        return;
      }
      case 'welcome':
        await this.#options.onWelcome(message);
        this.#welcome = message;
        this.#backoffMs = this.#options.firstBackoffMs ?? 500;
        for (const listener of this.#upListeners) listener();
        return;
      case 'refused': {
        const code = isErrorCode(message.code) ? message.code : 'CUT_INTERNAL';
        const error = new CutpointError(code, message.message);
        if (message.final) this.#giveUp(error);
        else this.#options.onProblem(error);
        return;
      }
      case 'channel':
        this.#deliver(message);
    }
  }

  #deliver({
    channel,
    message,
    retained,
  }: {
    channel: Parameters<typeof topicOf>[2];
    message?: unknown;
    retained: boolean;
  }): void {
    if (this.#welcome === undefined) return;
    const { fleet, device } = this.#welcome;
    const payload = new TextEncoder().encode(JSON.stringify(message));
    for (const listener of this.#listeners) listener({ topic: topicOf(fleet, device, channel), payload, retained });
  }

  #giveUp(thrown: unknown): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#drop();
    this.#options.onRefused(asCutpointError(thrown, 'CUT_INTERNAL'));
  }

  #lost(): void {
    this.#drop();
    if (this.#closed) return;
    this.#timer = setTimeout(() => this.#dial(), this.#backoffMs * (0.5 + Math.random() / 2));
    this.#backoffMs = Math.min(this.#backoffMs * 2, this.#options.maxBackoffMs ?? 10_000);
  }

  #drop(): void {
    const wasUp = this.connected;
    const socket = this.#socket;
    this.#socket = undefined;
    this.#welcome = undefined;
    clearTimeout(this.#silence);
    socket?.close();
    if (wasUp && !this.#closed) this.#options.onDown();
  }

  #watchSilence(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#lost(), silentMs);
  }
}

function parseHeard(text: string): z.output<typeof toPage> {
  try {
    const { data } = toPage.safeParse(JSON.parse(text));
    if (data !== undefined) return data;
  } catch {
    // Told below, as what is no message of a server.
  }
  const message = 'The server sent what this page does not understand: load the page again.';
  throw new CutpointError('CUT_WIRE_MALFORMED', message);
}
