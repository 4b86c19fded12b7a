import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { tensorOf } from '@cutpoint/core';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { connect } from './connect.js';
import { encodeFrame } from './frame-encode.js';
import { type Frame, FrameReader } from './frame-reader.js';
import { helloFrame } from './hello.js';
import { defaultLimits } from './limits.js';
import { type Listener, listen } from './listen.js';

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

const problems: string[] = [];
async function serveEcho(): Promise<Listener> {
  problems.length = 0;
  const listener = await listen({
    url: 'ws://127.0.0.1:0',
    handler: async ({ tensors }) => ({ tensors }),
    onError: ({ code }) => problems.push(code),
  });
  opened.push(listener);
  return listener;
}

/** A client of the package `ws` as it is: random masks, whole messages. It collects the frames that come back. */
async function plainClient(url: string): Promise<{ client: WebSocket; frames: Frame[] }> {
  const client = new WebSocket(url);
  const frames: Frame[] = [];
  const reader = new FrameReader(defaultLimits, (frame) => frames.push(frame));
  client.on('message', (data) => reader.push(data as Buffer, false));
  await once(client, 'open');
  client.send(Buffer.concat(helloFrame(undefined, defaultLimits).parts));
  await until(() => frames.length === 1);
  return { client, frames };
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 1_000 && !condition(); i++) await sleep(5);
  expect(condition()).toBe(true);
}

const pattern = (bytes: number): Uint8Array<ArrayBuffer> => Uint8Array.from({ length: bytes }, (_, i) => (i * 31) >> 3);

describe('the package "ws" in the versions we allow', () => {
  it('still calls setSocket, where we take over', () => {
    expect(Reflect.get(WebSocket.prototype, 'setSocket')).toBeTypeOf('function');
  });
});

describe('our WebSocket server and a plain client of "ws"', () => {
  it('understands masks and messages in pieces, with pings between them', async () => {
    const { url } = await serveEcho();
    const { client, frames } = await plainClient(url);
    const pongs: string[] = [];
    client.on('pong', (data) => pongs.push(data.toString()));
    for (const bytes of [0, 100, 70_000, 3_000_000]) {
      frames.length = 0;
      const payload = pattern(bytes);
      const { parts } = encodeFrame('request', 1, { method: 'x' }, new Map([['x', tensorOf('u8', [bytes], payload)]]));
      const whole = Buffer.concat(parts);
      const third = Math.floor(whole.length / 3);
      client.send(whole.subarray(0, third), { fin: false });
      client.ping(`${bytes}`);
      client.send(whole.subarray(third, third + 1), { fin: false });
      client.send(whole.subarray(third + 1), { fin: true });
      await until(() => frames.length === 1);
      expect(Buffer.from(frames[0]?.tensors.get('x')?.data ?? []).equals(payload)).toBe(true);
    }
    expect(pongs).toEqual(['0', '100', '70000', '3000000']);
    client.close(1000);
    expect(await once(client, 'close')).toEqual([1000, expect.anything()]);
  });

  it('closes with the right code what breaks the rules, and serves the others', async () => {
    const listener = await serveEcho();
    await using good = await connect({ url: listener.url, connectTimeoutMs: 20_000 });
    const { client } = await plainClient(listener.url);
    client.send('text');
    expect(await once(client, 'close')).toEqual([1003, expect.anything()]);
    const { client: unmasked } = await plainClient(listener.url);
    unmasked.send(Buffer.of(1), { mask: false });
    expect(await once(unmasked, 'close')).toEqual([1002, expect.anything()]);
    await until(() => listener.connectionCount === 1);
    expect(problems).toEqual(['CUT_WIRE_MALFORMED', 'CUT_WIRE_MALFORMED']);
    await good.request({ method: 'x' });
  });

  it('lets go of a client that ends its socket without a word', async () => {
    const listener = await serveEcho();
    const { client } = await plainClient(listener.url);
    client.terminate();
    await until(() => listener.connectionCount === 0);
    expect(problems).toEqual(['CUT_CONNECTION_LOST']);
  });

  it('answers a client that pings without reading with few pongs', async () => {
    const { url } = await serveEcho();
    const { client } = await plainClient(url);
    let pongs = 0;
    client.on('pong', () => pongs++);
    client.pause();
    const count = 150_000;
    for (let i = 0; i < count; i++) client.ping(Buffer.alloc(125));
    await sleep(500);
    client.resume();
    client.ping('last');
    const last = new Promise<void>((resolve) => {
      client.on('pong', (data) => {
        if (data.toString() === 'last') resolve();
      });
    });
    await last;
    expect(pongs).toBeLessThan(count);
    client.terminate();
  });
});

describe('our WebSocket client and a plain server of "ws"', () => {
  /** Echoes requests as frames, cut into messages of this size. */
  async function plainServer(messageBytes: number): Promise<{ url: string; sockets: WebSocket[] }> {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
    await once(server, 'listening');
    const sockets: WebSocket[] = [];
    server.on('connection', (socket) => {
      sockets.push(socket);
      const send = (parts: readonly Uint8Array[]): void => {
        const whole = Buffer.concat(parts);
        for (let at = 0; at < whole.length; at += messageBytes) {
          socket.send(whole.subarray(at, at + messageBytes), {
            fin: (at / messageBytes) % 2 === 1 || at + messageBytes >= whole.length,
          });
        }
      };
      const reader = new FrameReader(defaultLimits, ({ type, id, tensors }) => {
        if (type === 'hello') send(helloFrame(undefined, defaultLimits).parts);
        if (type === 'request') send(encodeFrame('reply', id, {}, tensors).parts);
      });
      socket.on('message', (data) => reader.push(data as Buffer, false));
    });
    opened.push({
      close: async () => {
        for (const socket of sockets) socket.terminate();
        server.close();
        await once(server, 'close');
      },
    });
    return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`, sockets };
  }

  it.each([1_000, 65_536, 100_000, 50_000_000])(
    'is understood, and reads messages of %i bytes',
    async (messageBytes) => {
      const { url, sockets } = await plainServer(messageBytes);
      const peer = await connect({ url, connectTimeoutMs: 20_000 });
      for (const bytes of [0, 100, 70_000, 3_000_000]) {
        const payload = pattern(bytes);
        const { tensors } = await peer.request({
          method: 'x',
          tensors: new Map([['x', tensorOf('u8', [bytes], payload)]]),
        });
        expect(Buffer.from(tensors.get('x')?.data ?? []).equals(payload)).toBe(true);
      }
      const [socket] = sockets;
      if (socket === undefined) throw new Error('Nobody connected.');
      socket.ping('there?');
      expect(String((await once(socket, 'pong'))[0])).toBe('there?');
      const closed = once(socket, 'close');
      await peer.close();
      expect((await closed)[0]).toBe(1000);
    },
  );

  it('reports why the server closed', async () => {
    const { url, sockets } = await plainServer(1_000);
    for (const [code, expected] of [
      [1009, 'CUT_WIRE_TOO_LARGE'],
      [1011, 'CUT_CONNECTION_LOST'],
    ] as const) {
      const peer = await connect({ url, connectTimeoutMs: 20_000 });
      sockets.at(-1)?.close(code);
      expect(await peer.closed).toMatchObject({ code: expected });
    }
  });
});
