import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { CutpointError } from '@cutpoint/core';
import { WebSocket } from 'ws';

/**
 * A WebSocket that knows the handshake only: the package `ws` calls `setSocket` when it is done, and there the socket is
 * taken over instead of being given to the reading and writing of `ws`, which copies every message twice.
 */
export class HandshakeSocket extends WebSocket {
  #socket: Socket | undefined;

  /** Called by `ws` on either side. `head`: what the socket has read beyond the handshake. */
  setSocket(socket: Duplex, head: Buffer): void {
    this.#socket = socket as Socket;
    socket.pause();
    if (head.length > 0) socket.unshift(head);
    // A socket of an HTTP server would stay half open for ever when the other side ends it.
    socket.allowHalfOpen = false;
    this.emit('open');
  }

  /** The socket after 'open'; nothing listens to it any more. @throws CutpointError CUT_INTERNAL if `ws` kept it */
  takeSocket(): Socket {
    if (this.#socket !== undefined) return this.#socket;
    throw new CutpointError('CUT_INTERNAL', 'This version of the package "ws" does not hand its socket over.');
  }
}
