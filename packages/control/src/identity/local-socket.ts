import type { Socket } from 'node:net';
import { join } from 'node:path';
import { CutpointError } from '@cutpoint/core';

/** What fits into the address of a Unix socket on every system. */
const maxPathBytes = 100;

/** One line of JSON. @throws CutpointError CUT_USAGE if it is longer. */
export async function readLine(socket: Socket, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Reading must not close what is still to be written to.
  for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new CutpointError('CUT_USAGE', `The message is longer than ${maxBytes} bytes.`);
    chunks.push(chunk);
    if (chunk.includes(10)) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Where the server of a folder listens for its owner. @throws CutpointError CUT_USAGE if the path is too long */
export function socketPath(folder: string): string {
  const path = join(folder, 'control.sock');
  if (Buffer.byteLength(path) <= maxPathBytes) return path;
  throw new CutpointError(
    'CUT_USAGE',
    `The path ${folder} is too long for a socket: choose one of at most ${maxPathBytes - 13} bytes.`,
  );
}
