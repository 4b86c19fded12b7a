import { CutpointError } from '@cutpoint/core';
import type { Link, LinkEvents } from './link.js';
import { closeCodes } from './websocket-codes.js';
import { WebSocketDecoder } from './websocket-decoder.js';
import { binaryFrame, closeFrame, controlFrame, opcodes, type WebSocketRole } from './websocket-encode.js';

/** How long a connection that is closing waits for the other side to close it, too. */
const lingerMs = 1_000;
/** Shorter pieces of a WebSocket frame are not worth a read of their own. */
const minTargetBytes = 32 * 1024;
/** Close codes that a peer in good order may send. */
const orderly: ReadonlySet<number> = new Set([closeCodes.normal, 1001, closeCodes.none]);

/** WebSocket frames over the link of a socket on which the handshake has been done. Each write becomes one frame. */
export class WebSocketLink implements Link {
  /** Larger than over TCP: the head of the next frame goes through a small buffer, and what comes with it is copied. */
  readonly stepBytes = 1024 * 1024;
  readonly #pipe: Link;
  readonly #role: WebSocketRole;
  #writable = true;
  #blocked = false;
  /** The last ping that could not be answered at once; those before it need no answer (RFC 6455, section 5.5.3). */
  #owed: Uint8Array | undefined;
  #error: CutpointError | undefined;
  #lingering: NodeJS.Timeout | undefined;

  constructor(pipe: Link, role: WebSocketRole) {
    this.#pipe = pipe;
    this.#role = role;
  }

  start(events: LinkEvents): void {
    const decoder = new WebSocketDecoder(this.#role, {
      onPayload: (bytes, owned) => events.onData(bytes, owned),
      onPing: (payload) => this.#pong(payload),
      onEnd: (code, problem) => this.#ended(code, problem),
    });
    this.#pipe.start({
      onData: (chunk, owned) => decoder.push(chunk, owned),
      target() {
        const { plainBytes } = decoder;
        return plainBytes < minTargetBytes ? undefined : events.target()?.subarray(0, plainBytes);
      },
      onFilled(bytes) {
        decoder.skip(bytes);
        events.onFilled(bytes);
      },
      onDrain: () => {
        this.#blocked = false;
        const owed = this.#owed;
        this.#owed = undefined;
        if (owed !== undefined) this.#pong(owed);
        events.onDrain();
      },
      onClose: (error) => {
        this.#writable = false;
        clearTimeout(this.#lingering);
        events.onClose(this.#error ?? error);
      },
    });
  }

  write(parts: readonly Uint8Array[]): boolean {
    return this.#send(binaryFrame(this.#role, parts));
  }

  pause(): void {
    this.#pipe.pause();
  }

  resume(): void {
    this.#pipe.resume();
  }

  end(): void {
    this.#finish(closeCodes.normal);
  }

  destroy(): void {
    this.#writable = false;
    this.#pipe.destroy();
  }

  #send(parts: readonly Uint8Array[]): boolean {
    if (!this.#writable) return true;
    this.#blocked = !this.#pipe.write(parts);
    return !this.#blocked;
  }

  /** A peer that pings and does not read must not make answers pile up. */
  #pong(payload: Uint8Array): void {
    if (this.#blocked) this.#owed = Uint8Array.from(payload);
    else this.#send([controlFrame(this.#role, opcodes.pong, payload)]);
  }

  #ended(code: number, problem: string | undefined): void {
    if (problem !== undefined) {
      this.#error = new CutpointError('CUT_WIRE_MALFORMED', `The other side breaks the WebSocket rules: ${problem}.`);
    } else if (code === closeCodes.tooLarge) {
      this.#error = new CutpointError('CUT_WIRE_TOO_LARGE', 'A WebSocket message was too long for the other side.');
    } else if (!orderly.has(code)) {
      this.#error = new CutpointError(
        'CUT_CONNECTION_LOST',
        `The other side closed the WebSocket with code ${code}; its log may say why.`,
      );
    }
    this.#finish(code === closeCodes.none ? closeCodes.normal : code);
  }

  /** Says close, or answers it, and closes; what was written before goes out first. */
  #finish(code: number): void {
    if (!this.#writable) return;
    this.#send([closeFrame(this.#role, code)]);
    this.#writable = false;
    this.#lingering = setTimeout(() => this.#pipe.destroy(), lingerMs);
    this.#pipe.end();
  }
}
