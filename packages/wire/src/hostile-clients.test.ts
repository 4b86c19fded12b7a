import { once } from 'node:events';
import { connect as connectSocket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CutpointError, tensorOf } from '@cutpoint/core';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { makeCertificate } from './certificates.testing.js';
import { abortSignalOf } from './conformance-helpers.testing.js';
import { connect } from './connect.js';
import { encodeFrame } from './frame-encode.js';
import { helloFrame } from './hello.js';
import { defaultLimits } from './limits.js';
import { type Listener, type ListenOptions, listen } from './listen.js';
import { RawClient } from './raw-client.testing.js';

const listeners: Listener[] = [];
afterEach(async () => {
  for (const listener of listeners.splice(0)) await listener.close();
});

async function serve(options: Partial<ListenOptions> = {}): Promise<Listener> {
  const handler: ListenOptions['handler'] = async ({ tensors }) => ({ tensors });
  const listener = await listen({ url: 'tcp://127.0.0.1:0', handler, ...options });
  listeners.push(listener);
  return listener;
}

const hello = (fields: Record<string, unknown> = {}): readonly Uint8Array[] => {
  const { maxFrameBytes, maxRequests } = defaultLimits;
  return encodeFrame('hello', 0, { version: 1, name: 'raw', capabilities: [], maxFrameBytes, maxRequests, ...fields })
    .parts;
};
const bytesOf = (parts: readonly Uint8Array[]): Buffer => Buffer.concat(parts);

/** The code of the error frame that a server sends before it closes the connection. */
async function refusal(client: RawClient): Promise<unknown> {
  await client.until(() => client.closed);
  const last = client.frames.at(-1);
  expect(last).toMatchObject({ type: 'error', id: 0 });
  return last?.fields.code;
}

describe('a server among hostile clients', () => {
  it('answers a frame of another version with CUT_WIRE_VERSION, and other connections live on', async () => {
    const { url } = await serve();
    await using good = await connect({ url, connectTimeoutMs: 20_000 });
    await using raw = await RawClient.connect(url);
    const frame = bytesOf(hello());
    frame[4] = 2;
    raw.send(frame);
    expect(await refusal(raw)).toBe('CUT_WIRE_VERSION');
    await using other = await RawClient.connect(url);
    other.send(...hello({ version: 7 }));
    expect(await refusal(other)).toBe('CUT_WIRE_VERSION');
    await good.request({ method: 'echo' });
  });

  it.each([
    ['another protocol', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'), 'CUT_WIRE_MALFORMED'],
    ['a request before the hello', bytesOf(encodeFrame('request', 1, { method: 'x' }).parts), 'CUT_WIRE_MALFORMED'],
    [
      'an error in words of its own',
      bytesOf(encodeFrame('error', 0, { code: 'CUT_INTERNAL', message: 'on fire' }).parts),
      'CUT_WIRE_MALFORMED',
    ],
    ['a hello without a name', bytesOf(hello({ name: 5 })), 'CUT_WIRE_MALFORMED'],
    ['a hello that offers no requests', bytesOf(hello({ maxRequests: 0 })), 'CUT_WIRE_MALFORMED'],
    ['a first frame of 5 KB', bytesOf(hello({ name: 'x'.repeat(5_000) })), 'CUT_WIRE_TOO_LARGE'],
    [
      'tensors before the hello',
      bytesOf(encodeFrame('hello', 0, {}, new Map([['x', tensorOf('u8', [8], new Uint8Array(8))]])).parts),
      'CUT_WIRE_TOO_LARGE',
    ],
  ])('refuses %s', async (_, bytes, code) => {
    const { url } = await serve();
    await using raw = await RawClient.connect(url);
    raw.send(bytes);
    expect(await refusal(raw)).toBe(code);
  });

  it('refuses a frame that announces a terabyte without allocating it', async () => {
    const { url } = await serve();
    await using good = await connect({ url, connectTimeoutMs: 20_000 });
    await using raw = await RawClient.connect(url, { hello: true });
    const frame = bytesOf(encodeFrame('request', 1, { method: 'x' }).parts);
    frame.writeUInt32LE(256, 20);
    const before = process.memoryUsage().arrayBuffers;
    raw.send(frame);
    expect(await refusal(raw)).toBe('CUT_WIRE_TOO_LARGE');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10_000_000);
    await good.request({ method: 'echo' });
  });

  it('refuses a request number that is already under way', async () => {
    const { url } = await serve({
      handler: async ({ signal }) => sleep(60_000, {}, { signal: abortSignalOf(signal) }),
    });
    await using raw = await RawClient.connect(url, { hello: true });
    raw.request(1);
    raw.request(1);
    expect(await refusal(raw)).toBe('CUT_WIRE_MALFORMED');
  });

  it('answers more requests than it announced with CUT_OVERLOADED and works on the others', async () => {
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { url } = await serve({
      limits: { maxRequests: 4 },
      handler: async () => {
        await gate;
        return {};
      },
    });
    await using raw = await RawClient.connect(url, { hello: true });
    for (let id = 1; id <= 10; id++) raw.request(id);
    await raw.until(() => raw.frames.length === 7);
    expect(raw.frames.slice(1).map(({ id, fields }) => [id, fields.code])).toEqual(
      [5, 6, 7, 8, 9, 10].map((id) => [id, 'CUT_OVERLOADED']),
    );
    release();
    await raw.until(() => raw.frames.length === 11);
    expect(raw.frames.slice(7).map(({ type }) => type)).toEqual(['reply', 'reply', 'reply', 'reply']);
  });

  it('drops those who do not say hello, and turns away those who are too many', async () => {
    const told: string[] = [];
    const listener = await serve({
      limits: { helloTimeoutMs: 1_000, maxStrangers: 3 },
      onError: ({ code }, _remote, address) => told.push(`${code} ${address === undefined ? 'nobody' : 'somebody'}`),
    });
    const strangers = await Promise.all(Array.from({ length: 3 }, () => RawClient.connect(listener.url)));
    await using turnedAway = await RawClient.connect(listener.url);
    await turnedAway.until(() => turnedAway.closed);
    expect(strangers.some(({ closed }) => closed)).toBe(false);
    for (const stranger of strangers) {
      await stranger.until(() => stranger.closed);
      expect(stranger.frames.at(-1)?.fields.code).toBe('CUT_DEADLINE');
    }
    const late = strangers.map(() => 'CUT_DEADLINE somebody');
    await expect.poll(() => told).toEqual(['CUT_OVERLOADED somebody', ...late]);
    await using peer = await connect({ url: listener.url, connectTimeoutMs: 20_000 });
    await peer.request({ method: 'echo' });
    expect(listener.connectionCount).toBe(1);
  });

  it('drops half-sent upgrades in the same time as those who say nothing', async () => {
    const told: unknown[] = [];
    const { url } = await serve({
      url: 'ws://127.0.0.1:0',
      limits: { helloTimeoutMs: 300 },
      onError: ({ code }, _remote, address) => told.push({ code, address }),
    });
    const tookMs: number[] = [];
    for (let tries = 0; tries < 8 && !tookMs.some((ms) => ms < 550); tries++) {
      const socket = connectSocket({ host: '127.0.0.1', port: Number(new URL(url).port) });
      socket.on('error', () => {});
      await once(socket, 'connect');
      const since = performance.now();
      socket.resume().write('GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n');
      await once(socket, 'close');
      tookMs.push(performance.now() - since);
    }
    expect(Math.min(...tookMs)).toBeGreaterThan(200);
    expect(Math.min(...tookMs)).toBeLessThan(550);
    const late = { code: 'CUT_DEADLINE', address: expect.stringMatching(/^127\.0\.0\.1:\d+$/) };
    expect(told).toEqual(tookMs.map(() => late));
  });

  it.each(['tcps', 'wss'])('says from where a handshake was that was broken off (%s)', async (scheme) => {
    const told: unknown[] = [];
    const { url } = await serve({
      url: `${scheme}://127.0.0.1:0`,
      tls: await makeCertificate(),
      onError: ({ code }, _remote, address) => told.push({ code, address }),
    });
    const socket = connectSocket({ host: '127.0.0.1', port: Number(new URL(url).port) });
    socket.on('error', () => {});
    await once(socket, 'connect');
    const address = `127.0.0.1:${socket.localPort}`;
    socket.resetAndDestroy();
    await expect.poll(() => told).toEqual([{ code: 'CUT_TLS', address }]);
  });

  it('holds a bounded amount for a client that asks much and reads nothing', async () => {
    let answered = 0;
    const reply = new Map([['x', tensorOf('u8', [8_000_000], new Uint8Array(8_000_000))]]);
    const listener = await serve({
      limits: { maxRequests: 8, maxHeldBytes: 20_000_000 },
      handler: async () => {
        answered++;
        return { tensors: reply };
      },
    });
    await using raw = await RawClient.connect(listener.url, { hello: true });
    raw.socket.pause();
    for (let id = 1; id <= 2_000; id++) raw.request(id);
    await raw.until(() => answered > 0);
    // What the kernel takes off its hands is answered; then the held replies stop it, and it reads no more.
    for (let before = 0; before !== answered; ) {
      before = answered;
      await sleep(300);
    }
    expect(answered).toBeLessThanOrEqual(8);
    await using good = await connect({ url: listener.url, connectTimeoutMs: 20_000 });
    expect((await good.request({ method: 'x' })).tensors.get('x')?.shape).toEqual([8_000_000]);
  });

  it('survives any change to the bytes of valid frames', async () => {
    const problems: CutpointError[] = [];
    const { url } = await serve({ onError: (error) => problems.push(error) });
    await using good = await connect({ url, connectTimeoutMs: 20_000 });
    const tensors = new Map([
      ['x', tensorOf('f32', [2, 3], new Float32Array(6))],
      ['y', tensorOf('u8', [5], new Uint8Array(5))],
    ]);
    const valid = bytesOf([
      ...helloFrame(undefined, defaultLimits).parts,
      ...encodeFrame('request', 1, { method: 'x', meta: { a: [1, 'b'] } }, tensors).parts,
    ]);
    const change = fc.record({ at: fc.nat({ max: valid.length - 1 }), byte: fc.nat({ max: 255 }) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { minLength: 1, maxLength: 4 }),
        fc.nat({ max: valid.length }),
        async (changes, length) => {
          const bytes = Buffer.from(valid);
          for (const { at, byte } of changes) bytes[at] = byte;
          await using raw = await RawClient.connect(url);
          raw.send(bytes.subarray(0, length === 0 ? valid.length : length));
          await Promise.race([raw.until(() => raw.frames.length > 1 || raw.closed), sleep(15)]);
          expect(
            raw.frames.every(({ type }) => type === 'hello' || type === 'reply' || type === 'error' || type === 'pong'),
          ).toBe(true);
        },
      ),
      { numRuns: 150 },
    );
    expect(problems.filter(({ code }) => code === 'CUT_INTERNAL')).toEqual([]);
    await good.request({ method: 'echo', tensors });
  });
});
