import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ContentFetcher } from './content-fetcher.js';
import { type ContentServer, serve, serveStore } from './content-server.testing.js';
import { ContentStore } from './store.js';
import { hashOf, inChunks, noise, type TemporaryStore, temporaryStore } from './temporary-store.testing.js';

const bytes = noise(300_000, 7);
const file = { hash: hashOf(bytes), bytes: bytes.length };
const quick = { backoffMs: 5, maxAttempts: 4 };
const inTime = { deadlineMs: 20_000 };

async function origin(content = bytes): Promise<TemporaryStore> {
  const temporary = await temporaryStore();
  (await temporary.store.put(inChunks(content, 10_000), { maxBytes: content.length }))[Symbol.dispose]();
  return temporary;
}

function fetcherFor(store: ContentStore, ...servers: ContentServer[]): ContentFetcher {
  return new ContentFetcher({ store, urls: () => servers.map(({ url }) => url), ...quick });
}

/** The hash of what was fetched. */
async function fetched(fetcher: ContentFetcher): Promise<string> {
  using hold = await fetcher.fetch(file, inTime);
  return hashOf(await readFile(hold.path));
}

/** What is left in a store after a fetch that failed. */
async function left({ folder }: TemporaryStore): Promise<string[]> {
  return [...(await readdir(join(folder, 'files'))), ...(await readdir(join(folder, 'partial')))];
}

test('wherever the connection is cut, only the rest is fetched, and nothing of a file that is here', async () => {
  const large = noise(3_000_000, 5);
  const wanted = { hash: hashOf(large), bytes: large.length };
  /** What was sent, but not read yet when the connection ended. */
  const mostInFlight = 300_000;
  await using from = await origin(large);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 1_500_000 }), { maxLength: 6 }), async (cuts) => {
      await using server = await serveStore(from.store, cuts);
      await using to = await temporaryStore();
      const fetcher = new ContentFetcher({ store: to.store, urls: () => [server.url], backoffMs: 1 });
      using hold = await fetcher.fetch(wanted, inTime);
      expect(hashOf(await readFile(hold.path))).toBe(wanted.hash);
      const starts = server.requests.map(({ range }) => Number(/^bytes=(\d+)-$/.exec(range ?? 'bytes=0-')?.[1]));
      for (const [i, start] of starts.slice(1).entries()) {
        const sent = (starts[i] ?? 0) + (cuts[i] ?? 0);
        expect(start).toBeLessThanOrEqual(sent);
        expect(start).toBeGreaterThanOrEqual(Math.max(starts[i] ?? 0, sent - mostInFlight));
      }
      (await fetcher.fetch(wanted, inTime))[Symbol.dispose]();
      expect(server.requests.length).toBe(starts.length);
    }),
    { numRuns: 20 },
  );
});

test('a restart goes on where the run before it was cut', async () => {
  await using from = await origin();
  await using to = await temporaryStore();
  {
    await using server = await serveStore(from.store, [100_000, 0, 0, 0, 0, 0]);
    await expect(fetched(fetcherFor(to.store, server))).rejects.toMatchObject({ code: 'CUT_UNREACHABLE' });
  }
  const again = await ContentStore.open({ folder: to.folder, maxBytes: 1e9 });
  await using server = await serveStore(from.store);
  expect(await fetched(fetcherFor(again, server))).toBe(file.hash);
  expect(server.requests).toMatchObject([{ range: expect.stringMatching(/^bytes=[1-9]\d+-$/) }]);
});

test('a part that was damaged in between is noticed, and all is fetched anew', async () => {
  await using from = await origin();
  await using to = await temporaryStore();
  await writeFile(join(to.folder, 'partial', file.hash), noise(50_000, 1));
  const again = await ContentStore.open({ folder: to.folder, maxBytes: 1e9 });
  await using server = await serveStore(from.store);
  expect(await fetched(fetcherFor(again, server))).toBe(file.hash);
  expect(server.requests.map(({ range }) => range)).toEqual(['bytes=50000-', undefined]);
});

const plain = (response: ServerResponse, body: Uint8Array, headers: Record<string, string> = {}) =>
  response.writeHead(200, { 'content-length': String(body.length), ...headers }).end(body);

const liars: Readonly<Record<string, (response: ServerResponse) => unknown>> = {
  'other content of the same length': (response) => plain(response, noise(bytes.length, 8)),
  'content that is longer': (response) => plain(response, noise(bytes.length + 1, 7)),
  'content that is shorter': (response) => plain(response, bytes.subarray(0, 1000)),
  'compressed content': (response) => plain(response, gzipSync(bytes), { 'content-encoding': 'gzip' }),
  'a decompression bomb': (response) => {
    const bomb = gzipSync(new Uint8Array(20_000_000));
    plain(response, bomb, { 'content-encoding': 'gzip' });
  },
  'another entity tag': (response) => plain(response, bytes, { etag: '"other"' }),
  'a redirect': (response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
  'another range': (response) =>
    response.writeHead(206, { 'content-range': 'bytes 5-9/10', 'content-length': '5' }).end('hello'),
  'nothing of that name': (response) => response.writeHead(404).end(),
  'bytes without end': (response) => {
    response.writeHead(200, { 'transfer-encoding': 'chunked' });
    const timer = setInterval(() => response.write(new Uint8Array(60_000)), 1);
    response.on('close', () => clearInterval(timer));
  },
};

test.each(Object.entries(liars))('a server that gives %s is refused, and leaves nothing', async (_, lie) => {
  await using server = await serve((_request, response) => void lie(response));
  await using to = await temporaryStore();
  await expect(fetched(fetcherFor(to.store, server))).rejects.toMatchObject({ code: 'CUT_CONTENT' });
  expect(server.requests.length).toBe(1);
  expect(await left(to)).toEqual([]);
  expect(to.store.usedBytes).toBe(0);
});

test.each(Object.entries(liars))('beside a server that gives %s, another one is asked', async (_, lie) => {
  await using from = await origin();
  await using liar = await serve((_request, response) => void lie(response));
  await using honest = await serveStore(from.store);
  await using to = await temporaryStore();
  expect(await fetched(fetcherFor(to.store, liar, honest))).toBe(file.hash);
});

test('an honest server is not blamed for what a liar began', async () => {
  await using from = await origin();
  await using liar = await serve((_request, response) => {
    response.writeHead(200, { 'content-length': String(bytes.length) });
    response.write(noise(100_000, 1), () => response.socket?.destroySoon());
  });
  await using honest = await serveStore(from.store);
  await using to = await temporaryStore();
  expect(await fetched(fetcherFor(to.store, liar, honest))).toBe(file.hash);
});

test('a server that is too busy for a while is asked again', async () => {
  await using from = await origin();
  let answers = 0;
  const { contentHandler } = await import('./content-handler.js');
  const handler = contentHandler({ store: from.store });
  await using server = await serve(async (request, response) => {
    if (answers++ < 2) response.writeHead(503, { 'retry-after': '0' }).end();
    else await handler(request, response);
  });
  await using to = await temporaryStore();
  expect(await fetched(fetcherFor(to.store, server))).toBe(file.hash);
});

test('a server that stops in the middle is given up, and what it sent is kept', async () => {
  await using server: ContentServer = await serve((_request, response) => {
    const start = server.requests.length === 1 ? 0 : 5000;
    const range = { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` };
    const headers = { 'content-length': String(bytes.length - start), ...(start > 0 && range) };
    response.writeHead(start > 0 ? 206 : 200, headers).write(bytes.subarray(0, 5000 - start));
  });
  await using to = await temporaryStore();
  const fetcher = new ContentFetcher({ store: to.store, urls: () => [server.url], idleMs: 300, ...quick });
  await expect(fetched(fetcher)).rejects.toThrow('nothing came for 300 ms');
  expect(server.requests.slice(1).map(({ range }) => range)).toEqual(new Array(3).fill('bytes=5000-'));
  expect((await stat(join(to.folder, 'partial', file.hash))).size).toBe(5000);
});

test('a server that drips does not outlast the deadline', async () => {
  await using server = await serve(async (_request, response) => {
    response.writeHead(200, { 'content-length': String(bytes.length) });
    for (let at = 0; !response.destroyed; at += 1) {
      response.write(bytes.subarray(at, at + 1));
      await sleep(20);
    }
  });
  await using to = await temporaryStore();
  const startedAt = performance.now();
  const fetching = fetcherFor(to.store, server).fetch(file, { deadlineMs: 500 });
  await expect(fetching).rejects.toMatchObject({ code: 'CUT_DEADLINE' });
  expect(performance.now() - startedAt).toBeLessThan(5000);
  await expect.poll(() => left(to)).toEqual([file.hash]);
  const { size } = await stat(join(to.folder, 'partial', file.hash));
  expect(size).toBeGreaterThan(0);
});

test('a file is fetched once, however many want it at the same time', async () => {
  await using from = await origin();
  await using server = await serveStore(from.store);
  await using to = await temporaryStore();
  const fetcher = fetcherFor(to.store, server);
  const seen: number[][] = [[], [], []];
  const holds = await Promise.all(
    seen.map((progress) => fetcher.fetch(file, { ...inTime, onProgress: (here) => progress.push(here) })),
  );
  expect(server.requests.length).toBe(1);
  for (const progress of seen) expect(progress.at(-1)).toBe(bytes.length);
  for (const hold of holds) {
    await to.store.clear();
    expect(hashOf(await readFile(hold.path))).toBe(file.hash);
    hold[Symbol.dispose]();
  }
  await to.store.clear();
  expect(await to.store.hold(file.hash)).toBeUndefined();
});

test('whoever gives up takes nothing from the others; when all have, the transfer ends', async () => {
  await using from = await origin();
  let go = () => {};
  const gate = new Promise<void>((resolve) => {
    go = resolve;
  });
  let open = 0;
  const { contentHandler } = await import('./content-handler.js');
  const handler = contentHandler({ store: from.store });
  await using server = await serve(async (request, response) => {
    open += 1;
    response.on('close', () => {
      open -= 1;
    });
    await gate;
    await handler(request, response);
  });
  await using to = await temporaryStore();
  const fetcher = new ContentFetcher({ store: to.store, urls: () => [server.url], ...quick });
  const [a, b] = [new AbortController(), new AbortController()];
  const first = fetcher.fetch(file, { ...inTime, signal: a.signal });
  const second = fetcher.fetch(file, { ...inTime, signal: b.signal });
  a.abort();
  await expect(first).rejects.toMatchObject({ code: 'CUT_CANCELLED' });
  await expect.poll(() => open).toBe(1);
  b.abort();
  const third = fetcher.fetch(file, inTime);
  await expect(second).rejects.toMatchObject({ code: 'CUT_CANCELLED' });
  go();
  (await third)[Symbol.dispose]();
  expect(server.requests.length).toBeLessThanOrEqual(2);
});

test('no server, no content', async () => {
  await using to = await temporaryStore();
  const fetcher = new ContentFetcher({ store: to.store, urls: () => ['http://127.0.0.1:1'], ...quick });
  await expect(fetcher.fetch(file, inTime)).rejects.toMatchObject({ code: 'CUT_UNREACHABLE' });
  expect(to.store.usedBytes).toBe(0);
});

test('an empty file is a file', async () => {
  const nothing = new Uint8Array();
  await using from = await origin(nothing);
  await using server = await serveStore(from.store);
  await using to = await temporaryStore();
  using hold = await fetcherFor(to.store, server).fetch({ hash: hashOf(nothing), bytes: 0 }, inTime);
  expect(hold.bytes).toBe(0);
});
