import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** By connection: who waits for the end of a request on it. */
const waiting = new WeakMap<Socket, Set<() => void>>();

/**
 * Calls once: when the answer was sent, or the connection ended before. A response alone does not tell: one that waits behind
 * another of its connection (pipelining) is never closed by Node where the connection ends first.
 */
export function onExchangeEnd({ socket }: IncomingMessage, response: ServerResponse, listener: () => void): void {
  const others = waitingOn(socket);
  const end = () => {
    if (others.delete(end)) listener();
  };
  others.add(end);
  response.once('close', end);
  // What is over already is not told again.
  if (socket.destroyed) setImmediate(end);
}

/** One listener for a connection, however many requests are on it. */
function waitingOn(socket: Socket): Set<() => void> {
  const known = waiting.get(socket);
  if (known !== undefined) return known;
  const made = new Set<() => void>();
  waiting.set(socket, made);
  socket.once('close', () => {
    for (const end of [...made]) end();
  });
  return made;
}
