import { once } from 'node:events';
import { chmodSync, rmSync } from 'node:fs';
import net, { type Socket } from 'node:net';
import { join } from 'node:path';
import { asCutpointError, type CancelSignal, CutpointError, cancelReason, isErrorCode, onCancel } from '@cutpoint/core';
import { z } from 'zod';
import { type AdministrationRequest, administer, administrationRequest } from './administration.js';
import type { FleetFolder } from './fleet-server.js';

const maxRequestBytes = 64 * 1024;
const maxReplyBytes = 4 * 1024 * 1024;
const patienceMs = 5_000;
/** What fits into the address of a Unix socket on every system. */
const maxPathBytes = 100;

const reply = z.union([
  z.object({ error: z.object({ code: z.string(), message: z.string() }) }),
  z.object({ result: z.record(z.string(), z.unknown()) }),
]);

/**
 * Lets whoever owns the server's folder ask it, while it runs: a Unix socket in the folder, for its owner alone. One line
 * of JSON each way. @throws CutpointError CUT_BIND, CUT_USAGE
 */
export async function listenLocally(folder: string, server: FleetFolder): Promise<AsyncDisposable> {
  const path = socketPath(folder);
  // We own the store in the folder, so nobody listens there.
  rmSync(path, { force: true });
  const sockets = new Set<Socket>();
  const listener = net.createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket));
    void serve(socket, server);
  });
  try {
    listener.listen({ path });
    await once(listener, 'listening');
    chmodSync(path, 0o600);
  } catch (thrown) {
    throw asCutpointError(thrown, 'CUT_BIND', `Cannot listen on ${path}`);
  }
  return {
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const socket of sockets) socket.destroy();
      await once(listener, 'close');
    },
  };
}

/**
 * Asks the server that runs on a folder. Undefined if none does.
 * @throws CutpointError what the server says; CUT_UNREACHABLE if it gives no answer; the signal's reason
 */
export async function askLocally(
  folder: string,
  request: AdministrationRequest,
  signal: CancelSignal,
): Promise<object | undefined> {
  const socket = net.connect({ path: socketPath(folder) });
  using _ = onCancel(signal, () => socket.destroy(cancelReason(signal)));
  try {
    await once(socket, 'connect');
    socket.end(`${JSON.stringify(request)}\n`);
    const answer = reply.parse(JSON.parse(await readLine(socket, maxReplyBytes)));
    if ('result' in answer) return answer.result;
    const { code, message } = answer.error;
    throw new CutpointError(isErrorCode(code) ? code : 'CUT_INTERNAL', message);
  } catch (thrown) {
    if (signal.aborted) throw cancelReason(signal);
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ECONNREFUSED') return undefined;
    throw asCutpointError(thrown, 'CUT_UNREACHABLE', 'The server gives no answer');
  } finally {
    socket.destroy();
  }
}

async function serve(socket: Socket, server: FleetFolder): Promise<void> {
  const timer = setTimeout(() => socket.destroy(), patienceMs);
  try {
    const request = administrationRequest.parse(JSON.parse(await readLine(socket, maxRequestBytes)));
    // What it waits for by itself has deadlines of its own.
    clearTimeout(timer);
    socket.end(`${JSON.stringify({ result: await administer(server, request) })}\n`);
  } catch (thrown) {
    const { code, message } = asCutpointError(thrown, 'CUT_USAGE');
    socket.end(`${JSON.stringify({ error: { code, message } })}\n`);
  } finally {
    clearTimeout(timer);
  }
}

async function readLine(socket: Socket, maxBytes: number): Promise<string> {
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

function socketPath(folder: string): string {
  const path = join(folder, 'control.sock');
  if (Buffer.byteLength(path) <= maxPathBytes) return path;
  throw new CutpointError(
    'CUT_USAGE',
    `The path ${folder} is too long for a socket: choose one of at most ${maxPathBytes - 13} bytes.`,
  );
}
