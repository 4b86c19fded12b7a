import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { ExampleModels, example, forever, postJson, startTestHttp } from './http.testing.js';
import { rawHttp, rawStatus } from './raw-http.testing.js';

const path = '/v2/models/mymodel/infer';
const anonymous = JSON.stringify({ ...example, id: undefined });
const post = (headers: string, body = '') => `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${headers}\r\n\r\n${body}`;

describe('a body', () => {
  it('that is compressed is refused unread, whatever it would unpack to', async () => {
    await using server = await startTestHttp(new ExampleModels());
    const bomb = gzipSync(Buffer.alloc(1_000_000));
    for (const encoding of ['gzip', 'deflate', 'br', 'gzip, identity']) {
      const headers = { 'content-encoding': encoding };
      const response = await fetch(server.url + path, { method: 'POST', headers, body: bomb });
      expect([response.status, await response.json()], encoding).toEqual([
        415,
        { error: expect.stringContaining('Content-Encoding'), code: 'CUT_HTTP' },
      ]);
    }
    expect(server.logged.filter(({ status }) => status === 415)).toHaveLength(4);
    expect((await postJson(server.url + path, anonymous, { 'content-encoding': 'identity' })).status).toBe(200);
  });

  it('that does not say how long it is is refused', async () => {
    await using server = await startTestHttp(new ExampleModels());
    expect(
      await rawStatus(server.url, post('Transfer-Encoding: chunked\r\nConnection: close', '5\r\nhello\r\n0\r\n\r\n')),
    ).toBe(411);
  });

  it('beyond the limit is refused by its length alone', async () => {
    await using server = await startTestHttp(new ExampleModels(), { limits: { maxBodyBytes: 1_000 } });
    const { answer } = await rawHttp(server.url, post('Content-Length: 1001\r\nConnection: close'));
    expect(answer).toMatch(/^HTTP\/1.1 413 /);
    expect(answer).toContain('may have 1000');
    expect((await postJson(server.url + path, anonymous)).status).toBe(200);
  });

  it('of JSON beyond its own limit is refused, and with too many values', async () => {
    const limits = { maxJsonBytes: 1_000, maxValues: 60, maxBodyBytes: 10_000 };
    await using server = await startTestHttp(new ExampleModels(), { limits });
    expect((await postJson(server.url + path, anonymous)).status).toBe(200);
    expect((await postJson(server.url + path, anonymous.padEnd(1_001))).status).toBe(413);
    expect((await postJson(server.url + path, { inputs: new Array(70).fill(1) })).status).toBe(413);
  });
});

describe('a head', () => {
  it('that is too large is refused', async () => {
    await using server = await startTestHttp(new ExampleModels(), { limits: { maxHeaderBytes: 1_000 } });
    expect(
      await rawStatus(server.url, `GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ${'x'.repeat(2_000)}\r\n\r\n`),
    ).toBe(431);
  });

  it('that is no HTTP is refused and logged', async () => {
    await using server = await startTestHttp(new ExampleModels());
    expect(await rawStatus(server.url, '\x16\x03\x01\x02\x00 hello\r\n\r\n')).toBe(400);
    expect(server.logged.at(-1)).toMatchObject({ level: 40, address: '127.0.0.1', status: '400' });
  });
});

describe('an address', () => {
  it('that cannot be read is refused like all else', async () => {
    await using server = await startTestHttp(new ExampleModels());
    const { answer } = await rawHttp(
      server.url,
      'GET /v2/models/%E0%A4%A HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n',
    );
    const [head, body = ''] = answer.split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1.1 400 /);
    expect(JSON.parse(body)).toEqual({ error: expect.stringContaining('%E0%A4%A'), code: 'CUT_HTTP' });
  });
});

describe('a caller that hangs up', () => {
  it.each([
    ['in the middle of a head', 'GET /healthz HTTP/1.1\r\nHost: 127.'],
    ['in the middle of a body', post('Content-Length: 100', '{')],
  ])('%s is not logged as one that does not speak HTTP', async (_, begun) => {
    await using server = await startTestHttp(new ExampleModels());
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname).on('error', () => undefined);
    socket.resume().end(begun);
    await expect.poll(() => socket.closed).toBe(true);
    // What came before is logged by now.
    expect(await rawStatus(server.url, 'no HTTP\r\n\r\n')).toBe(400);
    expect(server.logged.filter(({ msg }) => msg === 'This is not HTTP.')).toHaveLength(1);
  });
});

describe('a slow-loris', () => {
  const limits = { headTimeoutMs: 300, requestTimeoutMs: 600 };

  it('that does not finish its head is cut off and logged', async () => {
    await using server = await startTestHttp(new ExampleModels(), { limits });
    const { answer, endedAfterMs } = await rawHttp(server.url, `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX: `);
    expect(answer).toMatch(/^HTTP\/1.1 408 /);
    expect(endedAfterMs).toBeGreaterThan(250);
    expect(server.logged.at(-1)).toMatchObject({ level: 40, address: '127.0.0.1', status: '408' });
  });

  it('that says nothing at all is cut off', async () => {
    await using server = await startTestHttp(new ExampleModels(), { limits });
    expect((await rawHttp(server.url, '')).answer).toMatch(/^(HTTP\/1.1 408 |$)/);
  });

  it('that does not finish its body is cut off, however it drips', async () => {
    await using server = await startTestHttp(new ExampleModels(), { limits });
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname).on('error', () => undefined);
    socket.resume().write(post('Content-Length: 1000', '{'));
    const drip = setInterval(() => socket.write(' '), 50);
    try {
      await expect.poll(() => socket.closed).toBe(true);
    } finally {
      clearInterval(drip);
    }
    expect(server.logged.at(-1)).toMatchObject({ level: 40 });
  });

  it('does not keep others waiting, nor a request that is complete', async () => {
    const models = new ExampleModels();
    models.hold = () => new Promise((resolve) => setTimeout(resolve, 1_500));
    await using server = await startTestHttp(models, { limits });
    const slow = Array.from({ length: 50 }, () => rawHttp(server.url, 'POST / HTTP/1.1\r\n'));
    expect((await postJson(server.url + path, anonymous)).status).toBe(200);
    await Promise.all(slow);
  });
});

describe('too much at a time', () => {
  it('is refused at once with 503 and when to come back, and what is under way goes on', async () => {
    const models = new ExampleModels();
    let release = () => {};
    models.hold = () =>
      new Promise((resolve) => {
        release = resolve;
      });
    await using server = await startTestHttp(models, { limits: { maxUnderWay: 1 } });
    const first = postJson(server.url + path, anonymous);
    await expect.poll(() => models.computed).toBe(1);
    const second = await postJson(server.url + path, anonymous);
    expect([second.status, second.headers.get('retry-after')]).toEqual([503, '1']);
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
    release();
    expect((await first).status).toBe(200);
    models.hold = async () => undefined;
    expect((await postJson(server.url + path, anonymous)).status).toBe(200);
  });

  it('is also too many bytes in all bodies together, of which those that left are none', async () => {
    const models = new ExampleModels();
    models.hold = forever;
    await using server = await startTestHttp(models, { limits: { maxHeldBytes: anonymous.length + 10 } });
    const leaving = new AbortController();
    const first = fetch(server.url + path, { method: 'POST', body: anonymous, signal: leaving.signal });
    await expect.poll(() => models.computed).toBe(1);
    expect((await postJson(server.url + path, anonymous)).status).toBe(503);
    leaving.abort();
    await expect(first).rejects.toThrow();
    models.hold = async () => undefined;
    await expect.poll(async () => (await postJson(server.url + path, anonymous)).status).toBe(200);
  });
});

describe('requests that wait behind another of their connection', () => {
  it('are given up, and leave room for others, when it ends', async () => {
    const models = new ExampleModels();
    let givenUp = 0;
    models.hold = (signal) => forever(signal).finally(() => givenUp++);
    await using server = await startTestHttp(models, { limits: { maxUnderWay: 3 } });
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname).on('error', () => undefined);
    socket.write(post(`Content-Length: ${anonymous.length}`, anonymous).repeat(3));
    await expect.poll(() => models.computed).toBe(3);
    socket.resetAndDestroy();
    await expect.poll(() => givenUp).toBe(3);
    models.hold = async () => undefined;
    const others = Array.from({ length: 3 }, () => postJson(server.url + path, anonymous));
    expect((await Promise.all(others)).map(({ status }) => status)).toEqual([200, 200, 200]);
  });
});

describe('a stop', () => {
  it('lets requests under way finish, and does not wait longer than the grace for them', async () => {
    const models = new ExampleModels();
    models.hold = () => new Promise((resolve) => setTimeout(resolve, 300));
    const patient = await startTestHttp(models);
    const finishing = postJson(patient.url + path, anonymous);
    await expect.poll(() => models.computed).toBe(1);
    await patient[Symbol.asyncDispose]();
    expect((await finishing).status).toBe(200);

    models.hold = forever;
    const hasty = await startTestHttp(models, { graceMs: 100 });
    const stuck = postJson(hasty.url + path, anonymous).catch(() => 'cut off');
    await expect.poll(() => models.computed).toBe(2);
    const startedAtMs = performance.now();
    await hasty[Symbol.asyncDispose]();
    expect(performance.now() - startedAtMs).toBeLessThan(5_000);
    expect(await stuck).toBe('cut off');
  });
});
