import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { makeCertificate } from './certificates.testing.js';
import { connect } from './connect.js';
import { type Listener, type ListenOptions, listen } from './listen.js';
import { startSilentServer } from './silent-server.testing.js';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const connectTimeoutMs = 20_000;

async function serve(options: Partial<ListenOptions> & { url: string }): Promise<Listener> {
  const listener = await listen({ handler: async ({ tensors }) => ({ tensors }), ...options });
  closers.push(() => listener.close());
  return listener;
}

async function listenBare(server: net.Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(async () => {
    server.close();
    await once(server, 'close');
  });
  return `127.0.0.1:${(server.address() as net.AddressInfo).port}`;
}

describe.each(['tcp', 'ws'])('a server that is gone (%s)', (scheme) => {
  it('fails every pending request when its process is killed', async () => {
    await using server = await startSilentServer(`${scheme}://127.0.0.1:0`);
    const { child, url } = server;
    const peer = await connect({ url, connectTimeoutMs });
    const calls = Array.from({ length: 100 }, () => peer.request({ method: 'x' }));
    const results = Promise.allSettled(calls);
    await sleep(50);
    child.kill('SIGKILL');
    for (const result of await results) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'CUT_CONNECTION_LOST' } });
    }
    expect(await peer.closed).toMatchObject({ code: 'CUT_CONNECTION_LOST' });
    await expect(peer.request({ method: 'x' })).rejects.toMatchObject({ code: 'CUT_CONNECTION_LOST' });
    await expect(connect({ url, connectTimeoutMs })).rejects.toMatchObject({ code: 'CUT_UNREACHABLE' });
  });
});

describe('a connection that cannot be made', () => {
  it('names the address where nobody listens', async () => {
    for (const scheme of ['tcp', 'ws', 'tcps', 'wss']) {
      const call = connect({ url: `${scheme}://127.0.0.1:1`, connectTimeoutMs });
      await expect(call).rejects.toMatchObject({
        code: 'CUT_UNREACHABLE',
        message: expect.stringContaining(`${scheme}://127.0.0.1:1`),
      });
    }
    await expect(connect({ url: 'memory:nobody', connectTimeoutMs })).rejects.toMatchObject({
      code: 'CUT_UNREACHABLE',
    });
  });

  it.each(['http://127.0.0.1:80', 'tcp://127.0.0.1', 'memory:', 'nonsense'])('refuses the address %s', async (url) => {
    await expect(connect({ url, connectTimeoutMs })).rejects.toMatchObject({ code: 'CUT_USAGE' });
    await expect(serve({ url })).rejects.toMatchObject({ code: 'CUT_USAGE' });
  });

  it.each(['tcp', 'ws', 'tcps', 'wss'])('gives up on a %s server that says nothing, and on request', async (scheme) => {
    const sockets = new Set<net.Socket>();
    const address = await listenBare(
      net.createServer((socket) => sockets.add(socket.on('error', () => socket.destroy()))),
    );
    closers.unshift(async () => {
      for (const socket of sockets) socket.destroy();
    });
    const url = `${scheme}://${address}`;
    await expect(connect({ url, connectTimeoutMs: 100 })).rejects.toMatchObject({ code: 'CUT_UNREACHABLE' });
    const call = connect({ url, connectTimeoutMs, signal: AbortSignal.timeout(50) });
    await expect(call).rejects.toMatchObject({ code: 'CUT_DEADLINE' });
  });

  it('says that a web server is no Cutpoint server', async () => {
    const address = await listenBare(http.createServer((_, response) => response.writeHead(404).end()));
    await expect(connect({ url: `ws://${address}`, connectTimeoutMs })).rejects.toMatchObject({
      code: 'CUT_UNREACHABLE',
      message: expect.stringContaining('404'),
    });
    await expect(connect({ url: `tcp://${address}`, connectTimeoutMs })).rejects.toMatchObject({
      code: 'CUT_WIRE_MALFORMED',
    });
  });

  it.each([
    ['tcps', 'tcp', 'CUT_TLS', 'does not seem to speak TLS: connect with tcp://'],
    ['wss', 'ws', 'CUT_TLS', 'does not seem to speak TLS: connect with ws://'],
    ['tcp', 'tcps', 'CUT_CONNECTION_LOST', 'it may expect TLS: try tcps://.'],
    ['ws', 'wss', 'CUT_UNREACHABLE', 'it may expect TLS: try wss://.'],
    ['ws', 'tcp', 'CUT_UNREACHABLE', 'does not seem to speak WebSocket'],
    ['wss', 'tcps', 'CUT_UNREACHABLE', 'does not seem to speak WebSocket'],
  ])('says in plain words that a %s client has called a %s server', async (client, server, code, words) => {
    const tls = await makeCertificate();
    const secure = server === 'tcps' || server === 'wss';
    const { url } = await serve({ url: `${server}://127.0.0.1:0`, ...(secure ? { tls } : {}) });
    const call = connect({ url: url.replace(server, client), connectTimeoutMs, tls: { ca: tls.cert } });
    await expect(call).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
  });

  it.each(['tcps', 'wss'])(
    'refuses a certificate that is not trusted or made for another host (%s)',
    async (scheme) => {
      const tls = await makeCertificate();
      const elsewhere = await makeCertificate({ ip: '127.0.0.9' });
      const { url } = await serve({ url: `${scheme}://127.0.0.1:0`, tls });
      await expect(connect({ url, connectTimeoutMs })).rejects.toMatchObject({ code: 'CUT_TLS' });
      await expect(connect({ url, connectTimeoutMs, tls: { ca: elsewhere.cert } })).rejects.toMatchObject({
        code: 'CUT_TLS',
      });
      const other = await serve({ url: `${scheme}://127.0.0.1:0`, tls: elsewhere });
      await expect(connect({ url: other.url, connectTimeoutMs, tls: { ca: elsewhere.cert } })).rejects.toMatchObject({
        code: 'CUT_TLS',
      });
      await expect(serve({ url: `${scheme}://127.0.0.1:0`, tls: { cert: 'no', key: 'no' } })).rejects.toMatchObject({
        code: 'CUT_TLS',
      });
      await expect(serve({ url: `${scheme}://127.0.0.1:0` })).rejects.toMatchObject({ code: 'CUT_USAGE' });
    },
  );
});

describe('the HTTP side of a ws listener', () => {
  it('answers plain requests, and turns browsers away', async () => {
    const { url } = await serve({
      url: 'ws://127.0.0.1:0',
      onHttp: (request, response) => response.end(`healthy ${request.url}`),
    });
    const web = url.replace('ws:', 'http:');
    expect(await (await fetch(`${web}/health`)).text()).toBe('healthy /health');
    const bare = await serve({ url: 'ws://127.0.0.1:0' });
    expect((await fetch(bare.url.replace('ws:', 'http:'))).status).toBe(426);
    const browser = new WebSocket(url, { origin: 'http://example.org' });
    const [error] = (await once(browser, 'error')) as [Error];
    expect(error.message).toContain('403');
  });
});
