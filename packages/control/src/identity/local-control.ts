import { once } from 'node:events';
import { chmodSync, rmSync } from 'node:fs';
import net, { type Socket } from 'node:net';
import { asCutpointError } from '@cutpoint/core';
import { administer } from './administration.js';
import { administrationRequest } from './administration-request.js';
import type { FleetFolder } from './fleet-server.js';
import { readLine, socketPath } from './local-socket.js';

const maxRequestBytes = 64 * 1024;
const patienceMs = 5_000;

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
