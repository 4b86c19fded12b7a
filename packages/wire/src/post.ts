import { randomBytes } from 'node:crypto';
import { asCutpointError, CutpointError, cancelReason, onCancel } from '@cutpoint/core';
import type { Courier } from './courier.js';
import type { Link } from './link.js';
import { MessageLink } from './link-messages.js';
import {
  decodeMessage,
  encodeMessage,
  type Message,
  type MessageHead,
  minMessageBytes,
  type Reason,
  reasonBody,
  reasonOfBody,
  sizeBody,
  sizeOfBody,
} from './message-format.js';

/** What a post allows, per device that runs it. */
export interface PostOptions {
  /** Messages on the way to this device on one link that it has not read: with their length, what a link can hold. */
  readonly window: number;
  readonly maxLinks: number;
  /** Links that one other device may have opened to this one. */
  readonly maxLinksPerDevice: number;
  /** A link on which nothing arrives for this long is lost; each end says something three times as often. */
  readonly silenceMs: number;
  /** Hears of messages that were dropped because they follow no rule, for the log. Must not throw. */
  readonly onProblem?: (error: CutpointError, from: string) => void;
}

/** The links of one device through a broker: what `listen` and `connect` need for `mqtt:` addresses. */
export interface Post extends Disposable {
  readonly device: string;
  readonly linkCount: number;
  /** @throws CutpointError CUT_UNREACHABLE, CUT_OVERLOADED; the signal's reason if it aborts. */
  dial(device: string, signal: AbortSignal): Promise<Link>;
  /** Takes links that others open, until the result is disposed. @throws CutpointError CUT_BIND if somebody does so already. */
  accept(onLink: (link: Link, from: string) => void): Disposable;
  /** Ends every link and stops the courier. */
  close(): void;
}

/** Who hears what arrives at one end. */
interface Entry {
  readonly device: string;
  readonly accepted: boolean;
  readonly link: MessageLink;
}

interface Dialling {
  readonly device: string;
  /** @throws CutpointError CUT_WIRE_MALFORMED */
  opened(message: Message): void;
  failed(error: CutpointError): void;
}

/** The other ends of links that are gone are told so, but no storm of messages is answered by another. */
const maxResetsPerSecond = 100;

/** Begins to send and to receive through a courier. @throws CutpointError CUT_USAGE if it carries too little. */
export function openPost(courier: Courier, options: Partial<PostOptions> = {}): Post {
  if (courier.maxMessageBytes < minMessageBytes) {
    throw new CutpointError('CUT_USAGE', `A broker must take messages of ${minMessageBytes} bytes or more.`);
  }
  return new CourierPost(courier, {
    window: 8,
    maxLinks: 1024,
    maxLinksPerDevice: 16,
    silenceMs: 15_000,
    ...options,
  });
}

class CourierPost implements Post {
  readonly #courier: Courier;
  readonly #options: PostOptions;
  /** By who sends, whether it opened the link, and the link: the sender is part of it, so nobody else can speak there. */
  readonly #ends = new Map<string, Entry>();
  readonly #dialling = new Map<string, Dialling>();
  #onLink: ((link: Link, from: string) => void) | undefined;
  #resets = { second: 0, count: 0 };
  #closed = false;

  constructor(courier: Courier, options: PostOptions) {
    this.#courier = courier;
    this.#options = options;
    courier.start({
      onMessage: (from, message) => this.#receive(from, message),
      onLost: (error) => this.#lost(error),
    });
  }

  get device(): string {
    return this.#courier.device;
  }

  get linkCount(): number {
    return this.#ends.size;
  }

  dial(device: string, signal: AbortSignal): Promise<Link> {
    if (this.#closed) return Promise.reject(closedHere());
    if (signal.aborted) return Promise.reject(cancelReason(signal));
    const link = randomBytes(8).toString('hex');
    const key = keyOf(device, false, link);
    return new Promise((resolve, reject) => {
      const failed = (error: CutpointError): void => {
        this.#dialling.delete(key);
        cancellation[Symbol.dispose]();
        reject(error);
      };
      const opened = (message: Message): void => {
        const made = this.#link(device, message, false);
        this.#dialling.delete(key);
        cancellation[Symbol.dispose]();
        resolve(made);
      };
      this.#dialling.set(key, { device, opened, failed });
      const cancellation = onCancel(signal, () => failed(cancelReason(signal)));
      const head = { type: 'open', fromOpener: true, link, seq: 0, limit: this.#options.window } as const;
      this.#publish(device, head, [sizeBody(this.#courier.maxMessageBytes)], (error) =>
        failed(unreachable(device, error.message, error)),
      );
    });
  }

  accept(onLink: (link: Link, from: string) => void): Disposable {
    if (this.#onLink !== undefined) {
      throw new CutpointError('CUT_BIND', `${this.device} already listens through this broker.`);
    }
    this.#onLink = onLink;
    return {
      [Symbol.dispose]: () => {
        if (this.#onLink === onLink) this.#onLink = undefined;
      },
    };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onLink = undefined;
    for (const { link } of [...this.#ends.values()]) link.destroy();
    for (const call of [...this.#dialling.values()]) call.failed(closedHere());
    this.#courier.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #receive(from: string, bytes: Uint8Array): void {
    if (this.#closed) return;
    try {
      if (bytes.length > this.#courier.maxMessageBytes) throw tooLong(bytes.length);
      this.#take(from, decodeMessage(bytes));
    } catch (thrown) {
      this.#options.onProblem?.(asCutpointError(thrown, 'CUT_INTERNAL'), from);
    }
  }

  #take(from: string, message: Message): void {
    const key = keyOf(from, message.fromOpener, message.link);
    const entry = this.#ends.get(key);
    switch (message.type) {
      case 'open':
        // One that comes twice was answered before.
        if (entry === undefined && message.fromOpener) this.#open(from, message);
        break;
      case 'accept':
        if (this.#dialling.has(key)) this.#accepted(key, message);
        else if (entry === undefined) this.#reset(from, message);
        break;
      case 'refuse':
        this.#dialling.get(key)?.failed(refused(from, reasonOfBody(message.body)));
        break;
      case 'reset':
        this.#dialling.get(key)?.failed(refused(from, reasonOfBody(message.body)));
        entry?.link.receive(message);
        break;
      default:
        if (entry !== undefined) entry.link.receive(message);
        else if (message.type !== 'end') this.#reset(from, message);
    }
  }

  #open(from: string, message: Message): void {
    const reason = this.#refusal(from);
    if (reason !== undefined) {
      this.#answer(from, message, 'refuse', reason);
      return;
    }
    const link = this.#link(from, message, true);
    const head = {
      type: 'accept',
      fromOpener: false,
      link: message.link,
      seq: 0,
      limit: this.#options.window,
    } as const;
    this.#publish(from, head, [sizeBody(this.#courier.maxMessageBytes)], (error) => link.lost(error.message));
    this.#onLink?.(link, from);
  }

  #accepted(key: string, message: Message): void {
    const call = this.#dialling.get(key);
    try {
      call?.opened(message);
    } catch (thrown) {
      call?.failed(asCutpointError(thrown, 'CUT_INTERNAL'));
    }
  }

  #refusal(from: string): Reason | undefined {
    if (this.#onLink === undefined) return 'nobody';
    if (this.#ends.size >= this.#options.maxLinks) return 'full';
    let opened = 0;
    for (const { device, accepted } of this.#ends.values()) if (accepted && device === from) opened++;
    return opened >= this.#options.maxLinksPerDevice ? 'full' : undefined;
  }

  /** This end of a link; `message` is what the other end opened or accepted it with. */
  #link(device: string, message: Message, accepted: boolean): MessageLink {
    const key = keyOf(device, accepted, message.link);
    const link: MessageLink = new MessageLink(
      {
        device,
        send: (type, numbers, parts) => {
          const head = { type, fromOpener: !accepted, link: message.link, ...numbers };
          this.#publish(device, head, parts, (error) => link.lost(error.message));
        },
        forget: () => this.#ends.delete(key),
      },
      {
        maxMessageBytes: Math.min(this.#courier.maxMessageBytes, sizeOfBody(message.body)),
        window: this.#options.window,
        limit: message.limit,
        silenceMs: this.#options.silenceMs,
      },
    );
    this.#ends.set(key, { device, accepted, link });
    return link;
  }

  #publish(to: string, head: MessageHead, parts: readonly Uint8Array[], failed: (error: CutpointError) => void): void {
    this.#courier.publish(to, encodeMessage(head, parts)).catch((thrown: unknown) => {
      failed(asCutpointError(thrown, 'CUT_CONNECTION_LOST'));
    });
  }

  /** The other end holds a link that this device has not: it was restarted, or gave the link up. */
  #reset(from: string, message: Message): void {
    const second = Math.floor(performance.now() / 1_000);
    if (second !== this.#resets.second) this.#resets = { second, count: 0 };
    if (++this.#resets.count <= maxResetsPerSecond) this.#answer(from, message, 'reset', 'unknown');
  }

  #answer(to: string, { link, fromOpener }: Message, type: 'refuse' | 'reset', reason: Reason): void {
    const head = { type, fromOpener: !fromOpener, link, seq: 0, limit: 0 };
    this.#publish(to, head, [reasonBody(reason)], (error) => this.#options.onProblem?.(error, to));
  }

  #lost(error: CutpointError): void {
    for (const { link } of [...this.#ends.values()]) link.lost(error.message);
    for (const call of [...this.#dialling.values()]) {
      call.failed(unreachable(call.device, error.message, error));
    }
  }
}

function keyOf(from: string, fromOpener: boolean, link: string): string {
  return `${from} ${fromOpener ? 'opener' : 'accepter'} ${link}`;
}

function refused(device: string, reason: Reason): CutpointError {
  if (reason === 'full') {
    return new CutpointError(
      'CUT_OVERLOADED',
      `${device} has as many links through the broker as it allows; try later.`,
    );
  }
  const why = reason === 'nobody' ? 'it does not listen there' : 'it gave the link up';
  return unreachable(device, why);
}

function unreachable(device: string, why: string, cause?: CutpointError): CutpointError {
  const message = `${device} cannot be reached through the broker: ${why.replace(/[.]$/, '')}.`;
  return new CutpointError('CUT_UNREACHABLE', message, { cause });
}

function closedHere(): CutpointError {
  return new CutpointError('CUT_DISPOSED', 'The post was closed on this side.');
}

function tooLong(bytes: number): CutpointError {
  return new CutpointError('CUT_WIRE_TOO_LARGE', `A message of ${bytes} bytes came through the broker.`);
}
