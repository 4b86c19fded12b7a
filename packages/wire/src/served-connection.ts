import { asCutpointError, type CancelSignal, CutpointError, type NamedTensors } from '@cutpoint/core';
import { Channel, errorFrame } from './channel.js';
import { checkFrameFits, type EncodedFrame, encodeFrame, type Meta } from './frame-encode.js';
import type { Frame } from './frame-reader.js';
import { helloFrame, type Introduction, parseHello, type Remote } from './hello.js';
import type { WireLimits } from './limits.js';
import type { Link } from './link.js';
import { RunningRequest } from './running-request.js';
import type { PeerIdentity } from './tls.js';
import { checkToken } from './token.js';

/** A request as a handler sees it. The tensors are the handler's own: it may transfer or change them. */
export interface IncomingRequest {
  readonly method: string;
  readonly meta: Meta;
  readonly tensors: NamedTensors;
  /** Aborted when the caller cancels, its deadline passes or it is gone; it says when that deadline is. */
  readonly signal: CancelSignal;
  /** The same object for all requests of a connection. */
  readonly remote: Remote;
  /** Settles when the connection is closed: what was kept for it may go. */
  readonly closed: Promise<void>;
}

/** Answers one request. A `CutpointError` it throws reaches the caller; anything else becomes CUT_INTERNAL. */
export type RequestHandler = (request: IncomingRequest) => Promise<{ meta?: Meta; tensors?: NamedTensors }>;

/** What the connections of one listener share. */
export interface ServedOptions {
  readonly limits: WireLimits;
  readonly handler: RequestHandler;
  readonly hello: Introduction | undefined;
  readonly token: string | undefined;
  /** Judges it instead. */
  readonly checkToken: ((token: string | undefined) => Promise<void>) | undefined;
  /** Who the certificate says the other side is. */
  readonly identity: PeerIdentity | undefined;
  /** Hears of defects of the handler and of connections that end badly, for the log. */
  readonly onError: ((error: CutpointError, remote: Remote | undefined) => void) | undefined;
  /** Called when the hello is accepted; may throw a `CutpointError` to refuse. */
  readonly onHello: () => void;
  readonly onClose: () => void;
}

/** The server's side of one connection. */
export class ServedConnection {
  /** Settles when the connection is closed. */
  readonly closed: Promise<void>;
  readonly #options: ServedOptions;
  #resolveClosed!: () => void; // set by the promise's executor in the constructor
  readonly #channel: Channel;
  readonly #running = new Map<number, RunningRequest>();
  readonly #helloTimer: NodeJS.Timeout;
  #remote: Remote | undefined;
  #met = false;
  #token: string | undefined;
  #over = false;
  #heldBytes = 0;
  #draining = false;

  constructor(link: Link, options: ServedOptions) {
    this.#options = options;
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    this.#channel = new Channel(link, options.limits, {
      onFrame: (frame) => this.#receive(frame),
      onClose: (error) => this.#closed(error),
    });
    this.#helloTimer = setTimeout(() => {
      this.#channel.fail(new CutpointError('CUT_DEADLINE', 'No hello came in time.'));
    }, options.limits.helloTimeoutMs);
  }

  /** Takes no more requests; closes as soon as those under way are answered. */
  drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    if (this.#remote !== undefined) this.#channel.send(encodeFrame('goodbye', 0));
    this.#closeIfDone();
  }

  /** Closes at once; requests under way are aborted. */
  destroy(): void {
    this.#channel.abandon(undefined);
  }

  /** Tells the other side why, and closes; requests under way are aborted. */
  refuse(error: CutpointError): void {
    for (const run of this.#running.values()) run.abort(error);
    this.#channel.fail(error);
  }

  /**
   * Judges the token of its hello again, and closes if it is good no longer. It is told as a lost connection: the other side
   * may have a better token by now, and is refused at its next hello if not.
   */
  async recheckToken(): Promise<void> {
    const { checkToken: judge } = this.#options;
    if (judge === undefined || !this.#met || this.#over) return;
    try {
      await judge(this.#token);
    } catch (cause) {
      const message = 'The token that this connection was opened with is good no longer: connect again with another.';
      this.refuse(new CutpointError('CUT_CONNECTION_LOST', message, { cause }));
    }
  }

  #receive(frame: Frame): void {
    if (this.#remote === undefined) {
      this.#meet(frame);
      return;
    }
    switch (frame.type) {
      case 'request':
        this.#accept(frame, this.#remote);
        break;
      case 'cancel':
        this.#running.get(frame.id)?.abort(new CutpointError('CUT_CANCELLED', 'The caller cancelled the request.'));
        break;
      case 'pong':
        break;
      case 'goodbye':
        this.#channel.close();
        break;
      default:
        throw new CutpointError('CUT_WIRE_MALFORMED', `A client must not send a frame of type ${frame.type} here.`);
    }
  }

  #meet(frame: Frame): void {
    if (this.#met) throw new CutpointError('CUT_WIRE_MALFORMED', 'A frame came before the hello was answered.');
    this.#met = true;
    const { token, ...remote } = parseHello(frame);
    this.#token = token;
    const { checkToken: judge } = this.#options;
    if (judge === undefined) {
      checkToken(this.#options.token, token);
      this.#welcome(remote);
      return;
    }
    judge(token)
      .then(() => this.#welcome(remote))
      .catch((thrown: unknown) => this.#channel.fail(asCutpointError(thrown, 'CUT_INTERNAL')));
  }

  #welcome(remote: Remote): void {
    if (this.#over) return;
    if (this.#draining) throw goingAway();
    this.#options.onHello();
    clearTimeout(this.#helloTimer);
    const { identity } = this.#options;
    this.#remote = identity === undefined ? remote : { ...remote, identity };
    this.#channel.send(helloFrame(this.#options.hello, this.#options.limits));
    this.#channel.open();
  }

  #accept(frame: Frame, remote: Remote): void {
    const startedAt = frame.decodedAt - frame.decodeUs / 1000;
    const { method, meta = null } = frame.fields;
    if (typeof method !== 'string' || typeof meta !== 'object' || Array.isArray(meta)) {
      throw new CutpointError('CUT_WIRE_MALFORMED', 'A request has no valid method or meta.');
    }
    if (this.#running.has(frame.id)) {
      throw new CutpointError('CUT_WIRE_MALFORMED', `Request ${frame.id} is already under way.`);
    }
    const refusal = this.#refusal();
    if (refusal !== undefined) {
      this.#channel.send(errorFrame(frame.id, refusal));
      return;
    }
    const run = new RunningRequest(frame.id, startedAt, frame.timeMs);
    this.#running.set(frame.id, run);
    this.#hold(run, frame.bytes);
    const { closed } = this;
    void this.#run(run, { method, meta: (meta ?? {}) as Meta, tensors: frame.tensors, signal: run, remote, closed });
  }

  #refusal(): CutpointError | undefined {
    if (this.#draining) return goingAway();
    const { maxRequests } = this.#options.limits;
    if (this.#running.size < maxRequests) return undefined;
    return new CutpointError('CUT_OVERLOADED', `More than ${maxRequests} requests at a time on one connection.`);
  }

  async #run(run: RunningRequest, request: IncomingRequest): Promise<void> {
    let answer: EncodedFrame;
    try {
      const { meta, tensors } = await this.#options.handler(request);
      if (run.reason !== undefined) throw run.reason;
      const timeMs = performance.now() - run.startedAt;
      const { briefFrames } = request.remote;
      const options = { timeMs, headers: this.#channel.headers, mayBeBrief: briefFrames };
      answer = encodeFrame('reply', run.id, meta === undefined ? {} : { meta }, tensors, options);
      checkFrameFits(answer, request.remote);
    } catch (thrown) {
      answer = errorFrame(run.id, run.reason ?? this.#presentable(thrown));
    }
    run.finish();
    // From here on the answer takes memory, and the request's tensors do no longer.
    this.#hold(run, answer.bytes);
    this.#channel.send(answer, { onSent: () => this.#answered(run) });
  }

  /** What the caller may see of an error: not the text of a defect. The log gets it. */
  #presentable(thrown: unknown): CutpointError {
    if (thrown instanceof CutpointError) return thrown as CutpointError;
    this.#options.onError?.(asCutpointError(thrown, 'CUT_INTERNAL', 'The request handler failed'), this.#remote);
    return new CutpointError(
      'CUT_INTERNAL',
      'The request failed because of a defect in the server; its log says more.',
    );
  }

  #answered(run: RunningRequest): void {
    this.#running.delete(run.id);
    this.#hold(run, 0);
    this.#closeIfDone();
  }

  #hold(run: RunningRequest, bytes: number): void {
    this.#heldBytes += bytes - run.heldBytes;
    run.heldBytes = bytes;
    this.#channel.setPaused(this.#heldBytes > this.#options.limits.maxHeldBytes);
  }

  #closeIfDone(): void {
    if (this.#draining && this.#running.size === 0) this.#channel.close();
  }

  #closed(error: CutpointError | undefined): void {
    this.#over = true;
    clearTimeout(this.#helloTimer);
    for (const run of this.#running.values()) {
      run.abort(new CutpointError('CUT_CANCELLED', 'The caller is gone.'));
    }
    this.#options.onClose();
    this.#resolveClosed();
    if (error !== undefined) this.#options.onError?.(error, this.#remote);
  }
}

function goingAway(): CutpointError {
  return new CutpointError(
    'CUT_CONNECTION_LOST',
    'The server is shutting down and takes no new requests; connect again later.',
  );
}
