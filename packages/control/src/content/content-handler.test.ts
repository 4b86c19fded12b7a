import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { contentHandler } from './content-handler.js';
import { serve, serveStore } from './content-server.testing.js';
import { hashOf, inChunks, noise, temporaryStore } from './temporary-store.testing.js';

const bytes = noise(5000, 1);
const hash = hashOf(bytes);

async function stored(store: Awaited<ReturnType<typeof temporaryStore>>['store']) {
  (await store.put(inChunks(bytes), { maxBytes: bytes.length }))[Symbol.dispose]();
}

test('a file is read whole, with a strong entity tag, and HEAD tells the same without it', async () => {
  await using temporary = await temporaryStore();
  await stored(temporary.store);
  await using server = await serveStore(temporary.store);
  const url = `${server.url}/v1/content/${hash}`;
  const answer = await fetch(url);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('etag')).toBe(`"${hash}"`);
  expect(hashOf(new Uint8Array(await answer.arrayBuffer()))).toBe(hash);
  const head = await fetch(url, { method: 'HEAD' });
  expect(head.headers.get('content-length')).toBe('5000');
  expect((await head.arrayBuffer()).byteLength).toBe(0);
  expect((await fetch(url, { headers: { 'if-none-match': `"${hash}"` } })).status).toBe(304);
});

test('a range gives that part, and all of it where the entity tag is another', async () => {
  await using temporary = await temporaryStore();
  await stored(temporary.store);
  await using server = await serveStore(temporary.store);
  const url = `${server.url}/v1/content/${hash}`;
  await fc.assert(
    fc.asyncProperty(fc.nat(6000), fc.nat(6000), async (a, b) => {
      const [from, to] = a < b ? [a, b] : [b, a];
      const answer = await fetch(url, { headers: { range: `bytes=${from}-${to}`, 'if-range': `"${hash}"` } });
      const body = Buffer.from(await answer.arrayBuffer());
      if (from >= bytes.length) {
        expect(answer.status).toBe(416);
        expect(answer.headers.get('content-range')).toBe('bytes */5000');
        return;
      }
      expect(answer.status).toBe(206);
      expect(answer.headers.get('content-range')).toBe(`bytes ${from}-${Math.min(to, 4999)}/5000`);
      expect(body.equals(bytes.slice(from, to + 1))).toBe(true);
    }),
    { numRuns: 50 },
  );
  const other = await fetch(url, { headers: { range: 'bytes=10-20', 'if-range': '"other"' } });
  expect(other.status).toBe(200);
  expect((await other.arrayBuffer()).byteLength).toBe(5000);
});

test.each([
  ['/v1/content/', 404],
  [`/v1/content/${'0'.repeat(64)}`, 404],
  [`/v1/content/${'A'.repeat(64)}`, 404],
  ['/v1/content/..%2f..%2fetc%2fpasswd', 404],
  ['/v1/content/../../../../../../etc/passwd', 404],
  [`/v1/content/${hash}/../${hash}`, 404],
  [`/v1/content/${hash}%00`, 404],
  ['/etc/passwd', 404],
])('the path %s is no content', async (path, status) => {
  await using temporary = await temporaryStore();
  await stored(temporary.store);
  const told: string[] = [];
  const onRefused = ({ code, message }: { code: string; message: string }) => told.push(`${code} ${message}`);
  await using server = await serve(contentHandler({ store: temporary.store, onRefused }));
  // `fetch` would tidy up the path.
  const sent = request(server.url, { path }).end();
  const found = await new Promise((resolve) => sent.on('response', (answer) => resolve(answer.resume().statusCode)));
  expect(found).toBe(status);
  // A hash that is not there is no more than that; a name that is none is told.
  const line = `CUT_HTTP Somebody asked for ${path.slice(0, 100)}`;
  expect(told).toEqual(/\/0{64}$/.test(path) ? [] : [expect.stringContaining(line)]);
});

test('only GET and HEAD, only who may, and only so many at a time', async () => {
  await using temporary = await temporaryStore();
  await stored(temporary.store);
  const options = { store: temporary.store, mayRead: ({ headers }: { headers: object }) => 'x-paired' in headers };
  await using server = await serve(contentHandler({ ...options, maxTransfers: 0 }));
  const url = `${server.url}/v1/content/${hash}`;
  expect((await fetch(url, { method: 'PUT', body: 'x' })).status).toBe(405);
  expect((await fetch(url)).status).toBe(403);
  const busy = await fetch(url, { headers: { 'x-paired': 'yes' } });
  expect([busy.status, busy.headers.get('retry-after')]).toEqual([503, '1']);
});

test('every refusal has its code', async () => {
  await using temporary = await temporaryStore();
  await stored(temporary.store);
  const mayRead = ({ headers }: { headers: object }) => !('x-stranger' in headers);
  await using server = await serve(contentHandler({ store: temporary.store, mayRead }));
  await using busy = await serve(contentHandler({ store: temporary.store, maxTransfers: 0 }));
  const codeOf = async (url: string, init?: RequestInit) => {
    const answer = await fetch(url, init);
    return [answer.status, await answer.json()];
  };
  const url = `${server.url}/v1/content/${hash}`;
  const refused = (code: string) => ({ code, error: expect.any(String) });
  expect(await codeOf(url, { method: 'PUT', body: 'x' })).toEqual([405, refused('CUT_HTTP')]);
  expect(await codeOf(url, { headers: { 'x-stranger': 'yes' } })).toEqual([403, refused('CUT_FORBIDDEN')]);
  expect(await codeOf(`${server.url}/v1/content/x`)).toEqual([404, refused('CUT_NOT_FOUND')]);
  expect(await codeOf(`${server.url}/v1/content/${'0'.repeat(64)}`)).toEqual([404, refused('CUT_NOT_FOUND')]);
  expect(await codeOf(url, { headers: { range: 'bytes=9000-' } })).toEqual([416, refused('CUT_HTTP')]);
  expect(await codeOf(`${busy.url}/v1/content/${hash}`)).toEqual([503, refused('CUT_OVERLOADED')]);
});

/** Begins to read and stops, while it goes on to send. */
function stall(url: string, path: string, caller: string): Socket {
  const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => undefined);
  socket.pause().write(`GET ${path} HTTP/1.1\r\nHost: x\r\nx-caller: ${caller}\r\n\r\n`);
  const sending = setInterval(() => socket.write('\r\n'), 50);
  socket.on('close', () => clearInterval(sending));
  return socket;
}

test('a caller that begins very many transfers and reads none keeps nobody else from theirs', async () => {
  await using temporary = await temporaryStore(20_000_000);
  const large = noise(16_000_000, 2);
  const file = await temporary.store.put(inChunks(large, 65_536), { maxBytes: large.length });
  file[Symbol.dispose]();
  const path = `/v1/content/${file.hash}`;
  const handler = contentHandler({ store: temporary.store, idleMs: 3_000 });
  await using server = await serve((request, response) =>
    handler(request, response, String(request.headers['x-caller'])),
  );
  const sockets = Array.from({ length: 70 }, () => stall(server.url, path, 'greedy'));
  try {
    await expect.poll(() => server.requests.length).toBe(70);
    const ask = (caller: string) => fetch(server.url + path, { headers: { 'x-caller': caller }, method: 'HEAD' });
    expect((await ask('greedy')).status).toBe(503);
    expect((await ask('other')).status).toBe(200);
    // Those that make no progress end, though what they send is none of it.
    await expect.poll(async () => (await ask('greedy')).status, { timeout: 15_000 }).toBe(200);
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}, 20_000);

test('a reader that stops reading is cut off and lets go of the file', async () => {
  await using temporary = await temporaryStore(20_000_000);
  const large = noise(16_000_000, 2);
  const stored = await temporary.store.put(inChunks(large, 65_536), { maxBytes: large.length });
  stored[Symbol.dispose]();
  await using server = await serve(contentHandler({ store: temporary.store, idleMs: 200 }));
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(`GET /v1/content/${stored.hash} HTTP/1.1\r\nHost: x\r\n\r\n`).toString();
  await new Promise((resolve) => socket.once('readable', resolve));
  const room = () => temporary.store.receive(hashOf(noise(1, 3)), 19_000_000);
  await expect(room()).rejects.toMatchObject({ code: 'CUT_DISK_FULL' });
  await expect
    .poll(
      () =>
        room().then(
          (incoming) => incoming[Symbol.asyncDispose]().then(() => 'room'),
          () => 'none',
        ),
      {
        timeout: 5000,
      },
    )
    .toBe('room');
  socket.destroy();
});
