import type { OnReadOpts, Socket } from 'node:net';
import { CutpointError } from '@cutpoint/core';
import type { Link, LinkEvents } from './link.js';

/**
 * Lets a socket that is yet to be made read straight into the memory of tensors, in reads as large as they are.
 * Node offers this (`onread`) for sockets that connect only, not for those a server accepts.
 */
export class DirectReading implements OnReadOpts {
  /** Set when the link starts; the socket is paused until then, or a handshake listens. */
  events: Pick<LinkEvents, 'onData' | 'target' | 'onFilled'> | undefined;
  readonly #scratch = new Uint8Array(64 * 1024);
  #target: Uint8Array | undefined;

  readonly buffer = (): Uint8Array => {
    this.#target = this.events?.target();
    return this.#target ?? this.#scratch;
  };

  readonly callback = (bytes: number): boolean => {
    if (this.#target === undefined) this.events?.onData(this.#scratch.subarray(0, bytes), false);
    else this.events?.onFilled(bytes);
    return true;
  };
}

/** A link over a connected TCP or TLS socket; `direct` is what the socket was made with. */
export function socketLink(socket: Socket, direct?: DirectReading): Link {
  socket.setNoDelay(true);
  socket.pause();
  let failure: Error | undefined;
  socket.on('error', (error) => {
    failure = error;
  });
  return {
    stepBytes: 1024 * 1024,
    start(events) {
      if (direct !== undefined) direct.events = events;
      startReading(socket, events, () => failure);
    },
    write(parts) {
      if (!socket.writable) return true;
      const [first] = parts;
      if (parts.length === 1 && first !== undefined) socket.write(first);
      else {
        socket.cork();
        for (const part of parts) socket.write(part);
        socket.uncork();
      }
      return !socket.writableNeedDrain;
    },
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    end: () => socket.end(),
    destroy: () => socket.destroy(),
  };
}

function startReading(socket: Socket, events: LinkEvents, failure: () => Error | undefined): void {
  let ended = false;
  // Node takes small chunks from memory that others share.
  socket.on('data', (chunk: Buffer) => events.onData(chunk, chunk.byteLength === chunk.buffer.byteLength));
  socket.on('drain', () => events.onDrain());
  socket.on('end', () => {
    ended = true;
  });
  socket.on('close', () => events.onClose(ended && failure() === undefined ? undefined : connectionLost(failure())));
  if (socket.destroyed) events.onClose(connectionLost(undefined));
  else socket.resume();
}

/** What a link reports when it breaks. */
export function connectionLost(cause: Error | undefined): CutpointError {
  const why = cause === undefined ? 'it was closed' : cause.message;
  return new CutpointError('CUT_CONNECTION_LOST', `The connection was lost: ${why}.`, { cause });
}
