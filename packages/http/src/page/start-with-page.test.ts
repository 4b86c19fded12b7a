import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect as dial, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Scope } from '@cutpoint/control';
import { openLog } from '@cutpoint/daemon';
import { connect } from '@cutpoint/wire';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HttpServer } from '../http-server.js';
import { openMetrics } from '../metrics.js';
import { startWithPage } from './start-with-page.js';

let folder = '';
let server: HttpServer;
const good = new Set<string>();
const sockets: Socket[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-page-'));
  await writeFile(join(folder, 'index.html'), '<p>page</p>');
  const scopes: readonly Scope[] = ['infer'];
  good.clear();
  server = await startWithPage(
    {
      host: '127.0.0.1',
      port: 0,
      access: { verifyToken: async (token) => (good.has(token) ? scopes : undefined) },
      health: () => ({ ready: true }),
      metrics: openMetrics(),
      routes: async () => {},
      description: 'A door of a test.',
      limits: { maxConnections: 4 },
      graceMs: 100,
      log: openLog({ name: 'test', level: 'silent', format: 'json' }),
    },
    {
      folders: { page: pathToFileURL(`${folder}/`), runtime: undefined },
      handler: async () => ({ meta: { answer: 42 } }),
      name: 'server',
    },
  );
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

/** Asks for a WebSocket as a page of others, and keeps its own half open whatever the answer is. */
async function askHalfOpen(path: string): Promise<string> {
  const { port, host } = new URL(server.url);
  const socket = dial({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true });
  sockets.push(socket);
  socket.on('error', () => {});
  const asked = ['Connection: Upgrade', 'Upgrade: websocket', 'Origin: http://elsewhere.example', `Host: ${host}`];
  const key = ['Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='];
  socket.write(`GET ${path} HTTP/1.1\r\n${[...asked, ...key].join('\r\n')}\r\n\r\n`);
  const [answer] = await once(socket, 'data', { signal: AbortSignal.timeout(2_000) });
  return String(answer).slice(9, 12);
}

describe('a door with a page', () => {
  it.each([
    ['/page/wire', '403'],
    ['/elsewhere', '404'],
  ])(
    'keeps no connection whose upgrade at %s it refused, though the caller keeps its half open',
    async (path, status) => {
      for (let i = 0; i < 8; i++) expect(await askHalfOpen(path)).toBe(status);
      expect((await fetch(`${server.url}/page/`, { signal: AbortSignal.timeout(2_000) })).status).toBe(200);
    },
  );

  it('ends the connections of pages whose token is good no longer, and those alone', async () => {
    good.add('one').add('two');
    const url = `${server.url.replace('http', 'ws')}/page/wire`;
    const open = (token: string) => connect({ url, token, connectTimeoutMs: 3_000 });
    await using one = await open('one');
    await using two = await open('two');
    const ask = { method: 'infer', meta: {} };
    expect((await one.request(ask, { deadlineMs: 2_000 })).meta).toEqual({ answer: 42 });
    good.delete('one');
    await server.recheck();
    await expect(one.request(ask, { deadlineMs: 2_000 })).rejects.toMatchObject({
      code: 'CUT_CONNECTION_LOST',
    });
    await expect(open('one')).rejects.toMatchObject({ code: 'CUT_UNAUTHORISED' });
    expect((await two.request(ask, { deadlineMs: 2_000 })).meta).toEqual({ answer: 42 });
  });
});
