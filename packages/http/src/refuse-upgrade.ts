import type { Duplex } from 'node:stream';

/**
 * Answers a connection that is not taken over, and ends both its directions: a caller that keeps its own half open would hold
 * a place among the connections.
 */
export function refuseUpgrade(socket: Duplex, status: '403 Forbidden' | '404 Not Found'): void {
  const head = `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`;
  socket.end(head, () => socket.destroy());
}
