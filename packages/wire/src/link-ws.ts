import type { Socket } from 'node:net';
import { CutpointError } from '@cutpoint/core';
import type { WebSocket } from 'ws';
import type { Link, LinkEvents } from './link.js';
import { connectionLost } from './link-socket.js';

/**
 * Longest message. A payload up to this length is a message of its own, which the receiver's WebSocket puts together in
 * memory that becomes the tensor's: cutting it up would cost another copy.
 */
export const maxMessageBytes = 16 * 1024 * 1024;

/** The close code of a connection that just broke off. */
const abnormalClosure = 1006;

/** A link over an open WebSocket; `socket` is the one under it. Each part written becomes a message of its own. */
export function webSocketLink(webSocket: WebSocket, socket: Socket): Link {
  let failure: Error | undefined;
  webSocket.on('error', (error) => {
    failure = error;
  });
  return {
    stepBytes: maxMessageBytes,
    start: (events) => startReading(webSocket, socket, events, () => failure),
    write(parts) {
      if (webSocket.readyState !== webSocket.OPEN) return true;
      socket.cork();
      for (const part of parts) webSocket.send(part, { binary: true });
      socket.uncork();
      return !socket.writableNeedDrain;
    },
    pause: () => webSocket.pause(),
    resume: () => webSocket.resume(),
    end: () => webSocket.close(1000),
    destroy: () => webSocket.terminate(),
  };
}

function startReading(
  webSocket: WebSocket,
  socket: Socket,
  events: LinkEvents,
  failure: () => Error | undefined,
): void {
  webSocket.on('message', (data, isBinary) => {
    if (isBinary) events.onData(data as Buffer, true);
    else webSocket.close(1003);
  });
  socket.on('drain', () => events.onDrain());
  webSocket.on('close', (code) => events.onClose(closeReason(code, failure())));
  if (webSocket.readyState === webSocket.CLOSED) events.onClose(connectionLost(failure()));
}

function closeReason(code: number, failure: Error | undefined): CutpointError | undefined {
  if (code === 1009 || code === 1008) {
    return new CutpointError(
      'CUT_WIRE_TOO_LARGE',
      'A WebSocket message was too long for the other side, or came in too many pieces.',
    );
  }
  return code === abnormalClosure || failure !== undefined ? connectionLost(failure) : undefined;
}
