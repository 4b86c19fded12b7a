import { asCutpointError, CutpointError } from '@cutpoint/core';
import { type EncodedFrame, encodeFrame } from './frame-encode.js';
import { type Frame, FrameReader } from './frame-reader.js';
import { FrameWriter } from './frame-writer.js';
import { HeaderEncoder } from './header-encoder.js';
import { KeepAlive } from './keep-alive.js';
import { strangerFrameBytes, type WireLimits } from './limits.js';
import type { Link } from './link.js';

/** What a channel tells its owner. */
export interface ChannelEvents {
  /** A frame arrived (pings are answered by the channel). May throw a `CutpointError`: the channel then fails. */
  onFrame(frame: Frame): void;
  /** The channel is closed; called exactly once. */
  onClose(error: CutpointError | undefined): void;
}

/** How long a failed connection stays open so that the other side can read why. */
const lingerMs = 1_000;
const maxMessageLength = 2_000;
/** An honest peer never lets this many frames pile up: requests, and with them cancels and answers, are limited. */
const maxWaitingFrames = 4_096;

/** Frames over a link: what both ends of a connection share. */
export class Channel {
  readonly limits: WireLimits;
  /** For the frames this side sends many of. */
  readonly headers = new HeaderEncoder();
  readonly #link: Link;
  readonly #reader: FrameReader;
  readonly #writer: FrameWriter;
  readonly #events: ChannelEvents;
  #keepAlive: KeepAlive | undefined;
  #lingering: ReturnType<typeof setTimeout> | undefined;
  #paused = false;
  #goodbyeHeard = false;
  #ended = false;
  #closed = false;
  #reason: CutpointError | undefined;

  constructor(link: Link, limits: WireLimits, events: ChannelEvents) {
    this.#link = link;
    this.limits = limits;
    this.#events = events;
    const strict = { maxFrameBytes: strangerFrameBytes, maxHeaderBytes: strangerFrameBytes, maxTensors: 0 };
    this.#reader = new FrameReader(strict, (frame) => this.#receive(frame));
    this.#writer = new FrameWriter(link);
    link.start({
      onData: (chunk, owned) => this.#read(() => this.#reader.push(chunk, owned)),
      target: () => (this.#ended ? undefined : this.#reader.target),
      onFilled: (bytes) => this.#read(() => this.#reader.filled(bytes)),
      onDrain: () => {
        this.#keepAlive?.heard();
        this.#writer.drained();
      },
      onClose: (error) => this.#finish(error),
    });
  }

  /** The other side has introduced itself: the agreed limits hold from now on, and silence is watched. */
  open(): void {
    this.#reader.limits = this.limits;
    if (this.#ended) return;
    this.#keepAlive = new KeepAlive(this.limits.silenceMs, {
      ping: () => {
        // While frames wait to be sent, their progress is the sign of life, and another ping would only queue up.
        if (this.#writer.idle) this.send(encodeFrame('ping', 0), { urgent: true });
      },
      judge: () => !this.#paused,
      lost: () =>
        this.abandon(
          new CutpointError('CUT_CONNECTION_LOST', `The other side has been silent for ${this.limits.silenceMs} ms.`),
        ),
    });
  }

  /** Queues a frame; after the end of the channel it is dropped. */
  send(frame: EncodedFrame, options?: { urgent?: boolean; onSent?: () => void }): void {
    if (this.#ended) return;
    this.#writer.send(frame, options);
    if (this.#writer.waiting > maxWaitingFrames) {
      this.abandon(new CutpointError('CUT_CONNECTION_LOST', 'The other side keeps sending but does not read.'));
    }
  }

  /** Takes back a frame that has not begun to be sent. */
  takeBack(frame: EncodedFrame): boolean {
    return this.#writer.takeBack(frame);
  }

  /** Stops or continues reading; the other side is slowed down by it. */
  setPaused(paused: boolean): void {
    if (paused === this.#paused || this.#ended) return;
    this.#paused = paused;
    this.#keepAlive?.heard();
    if (paused) this.#link.pause();
    else this.#link.resume();
  }

  /** Tells the other side what it did wrong and closes. */
  fail(error: CutpointError): void {
    this.#end(errorFrame(0, error), error);
  }

  /** Says goodbye and closes; frames that have not begun to be sent are dropped. */
  close(): void {
    this.#end(encodeFrame('goodbye', 0), undefined);
  }

  /** Closes at once, without a word. */
  abandon(error: CutpointError | undefined): void {
    this.#reason ??= error;
    this.#ended = true;
    this.#link.destroy();
  }

  /** Bytes that still arrive are read and dropped: closing a socket with unread bytes would destroy the last frame sent. */
  #end(last: EncodedFrame, reason: CutpointError | undefined): void {
    if (this.#ended) return;
    this.setPaused(false);
    this.#reason ??= reason;
    this.#ended = true;
    this.#lingering = setTimeout(() => this.#link.destroy(), lingerMs);
    this.#writer.finish(last, () => this.#link.end());
  }

  #read(take: () => void): void {
    if (this.#ended) return;
    this.#keepAlive?.heard();
    try {
      take();
    } catch (thrown) {
      this.fail(asCutpointError(thrown, 'CUT_INTERNAL'));
    }
  }

  #receive(frame: Frame): void {
    if (this.#ended) return;
    if (frame.type === 'ping') this.send(encodeFrame('pong', frame.id), { urgent: true });
    else {
      if (frame.type === 'goodbye') this.#goodbyeHeard = true;
      this.#events.onFrame(frame);
    }
  }

  #finish(error: CutpointError | undefined): void {
    if (this.#closed) return;
    const orderly = this.#reason === undefined && (this.#ended || this.#goodbyeHeard);
    this.#closed = true;
    this.#ended = true;
    clearTimeout(this.#lingering);
    this.#keepAlive?.stop();
    this.#events.onClose(orderly ? undefined : (this.#reason ?? error ?? cutOff()));
  }
}

function cutOff(): CutpointError {
  return new CutpointError('CUT_CONNECTION_LOST', 'The other side closed the connection without saying goodbye.');
}

/** An error as a frame; id 0 means the whole connection. */
export function errorFrame(id: number, { code, message }: CutpointError): EncodedFrame {
  return encodeFrame('error', id, { code, message: message.slice(0, maxMessageLength) });
}
