import { request } from 'node:http';
import { connect } from 'node:net';
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
