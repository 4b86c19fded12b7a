import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  byteLength,
  bytesPerElement,
  CutpointError,
  type DType,
  type NamedTensors,
  type Tensor,
  tensorOf,
} from '@cutpoint/core';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCertificate } from './certificates.testing.js';
import { type ConnectOptions, connect } from './connect.js';
import { type Listener, type ListenOptions, listen } from './listen.js';
import type { RequestHandler } from './served-connection.js';

const dtypes = Object.keys(bytesPerElement) as DType[];
const echo: RequestHandler = async ({ meta, tensors }) => ({ meta, tensors });

/** Waits for a moment that the other side's clock decides. */
async function until(condition: () => boolean, timeoutMs = 5_000): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error('The condition did not come true in time.');
    await sleep(2);
  }
}

function filled(dtype: DType, shape: readonly number[], seed = 1): Tensor {
  const data = Uint8Array.from({ length: byteLength(dtype, shape) }, (_, i) => (i * 31 + seed) & 0xff);
  return tensorOf(dtype, shape, data);
}

/** Tensors in a form that is quick to compare. */
function digest(tensors: NamedTensors): unknown[] {
  return Array.from(tensors, ([name, { dtype, shape, data }]) => [
    name,
    dtype,
    shape,
    data.constructor,
    createHash('sha256').update(data).digest('hex'),
  ]);
}

/** What every transport must do. `url` is where to listen; the tests add nothing that only one transport has. */
export function conformTo(transport: string, url: () => string, secure: boolean): void {
  describe(`transport ${transport}`, () => {
    let keys: { cert: string; key: string } | undefined;
    beforeAll(async () => {
      if (secure) keys = await makeCertificate();
    });
    const opened: Listener[] = [];
    afterAll(async () => {
      for (const listener of opened) await listener.close();
    });

    const serve = async (handler: RequestHandler, options: Partial<ListenOptions> = {}): Promise<Listener> => {
      const listener = await listen({ url: url(), handler, ...(keys ? { tls: keys } : {}), ...options });
      opened.push(listener);
      return listener;
    };
    const dial = (listener: Listener, options: Partial<ConnectOptions> = {}) =>
      connect({ url: listener.url, connectTimeoutMs: 5_000, ...(keys ? { tls: { ca: keys.cert } } : {}), ...options });

    it('carries every element type, scalars and empty tensors unchanged', async () => {
      const listener = await serve(echo);
      await using peer = await dial(listener);
      const tensors = new Map<string, Tensor>();
      for (const dtype of dtypes) {
        tensors.set(`${dtype} scalar`, filled(dtype, []));
        tensors.set(`${dtype} empty`, filled(dtype, [0, 3]));
        tensors.set(`${dtype} odd`, filled(dtype, [3, 1, 7]));
      }
      const reply = await peer.request({
        method: 'echo',
        meta: { text: 'grün', list: [1, -2.5, null, true] },
        tensors,
      });
      expect(digest(reply.tensors)).toEqual(digest(tensors));
      expect(reply.meta).toEqual({ text: 'grün', list: [1, -2.5, null, true] });
    });

    it('carries any mixture of tensors and plain data', async () => {
      const listener = await serve(echo);
      await using peer = await dial(listener);
      const tensor = fc
        .tuple(fc.constantFrom(...dtypes), fc.array(fc.nat({ max: 60 }), { maxLength: 3 }), fc.nat())
        .map(([dtype, shape, seed]) => filled(dtype, shape, seed));
      const meta = fc
        .dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }))
        .filter((value) => !JSON.stringify(value).includes('__proto__'));
      const clean = (value: unknown) => JSON.parse(JSON.stringify(value)) as Record<string, unknown>;
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(fc.string({ unit: 'grapheme' }), tensor), { maxLength: 5 }),
          meta,
          async (list, data) => {
            const tensors = new Map(list);
            const reply = await peer.request({ method: 'echo', meta: clean(data), tensors }, { deadlineMs: 5_000 });
            expect(digest(reply.tensors)).toEqual(digest(tensors));
            expect(reply.meta).toEqual(clean(data));
          },
        ),
        { numRuns: 60 },
      );
    });

    it('gives both sides tensors that they may transfer, each with memory of its own', async () => {
      const listener = await serve(async ({ tensors }) => {
        const copies = [...tensors].map(([name, { dtype, shape, data }]) => {
          const offset = data.byteOffset;
          const moved = structuredClone(data.buffer, { transfer: [data.buffer] });
          return [name, { dtype, shape, data: new Uint8Array(moved, offset, byteLength(dtype, shape)) }] as const;
        });
        return { tensors: new Map(copies) };
      });
      await using peer = await dial(listener);
      const tensors = new Map([
        ['a', filled('f32', [5])],
        ['b', filled('f64', [900, 100])],
        ['c', filled('u8', [70_000])],
      ]);
      const reply = await peer.request({ method: 'move', tensors });
      expect(digest(reply.tensors)).toEqual(digest(tensors));
      expect(new Set([...reply.tensors.values()].map(({ data }) => data.buffer)).size).toBe(3);
      expect(
        (await peer.request({ method: 'move', tensors: new Map([['a', filled('f32', [5])]]) })).tensors.get('a'),
      ).toEqual(filled('f32', [5]));
    });

    it('carries a tensor of 64 MB and a thousand small ones', async () => {
      const listener = await serve(echo);
      await using peer = await dial(listener);
      const large = filled('f32', [16, 1024, 1024]);
      const reply = await peer.request({ method: 'echo', tensors: new Map([['large', large]]) });
      expect(Buffer.compare(reply.tensors.get('large')?.data ?? new Uint8Array(), large.data)).toBe(0);
      const many = new Map(Array.from({ length: 1000 }, (_, i) => [`t${i}`, filled('i16', [i % 50], i)]));
      expect(digest((await peer.request({ method: 'echo', tensors: many })).tensors)).toEqual(digest(many));
    });

    it('answers many requests at a time, each with its own reply, also out of order', async () => {
      const listener = await serve(async ({ meta }) => {
        await sleep(Number(meta.delay));
        return { meta };
      });
      await using peer = await dial(listener);
      const finished: number[] = [];
      const calls = Array.from({ length: 200 }, async (_, i) => {
        const { meta } = await peer.request({ method: 'wait', meta: { i, delay: (i * 7) % 20 } });
        expect(meta.i).toBe(i);
        finished.push(i);
      });
      await Promise.all(calls);
      expect(finished).toHaveLength(200);
      expect(finished).not.toEqual(finished.toSorted((a, b) => a - b));
    });

    it('never has more requests under way than the server announced, and starts the rest in order', async () => {
      let running = 0;
      let most = 0;
      const started: unknown[] = [];
      const listener = await serve(
        async ({ meta }) => {
          started.push(meta.i);
          most = Math.max(most, ++running);
          await sleep(2);
          running--;
          return {};
        },
        { limits: { maxRequests: 3 } },
      );
      await using peer = await dial(listener, { limits: { maxQueued: 20 } });
      const calls = Array.from({ length: 24 }, (_, i) => peer.request({ method: 'work', meta: { i } }));
      const results = await Promise.allSettled(calls);
      expect(most).toBe(3);
      expect(started).toEqual(Array.from({ length: 23 }, (_, i) => i));
      expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(1);
      await expect(calls[23]).rejects.toMatchObject({ code: 'CUT_OVERLOADED' });
    });

    it('tells where the time went', async () => {
      const listener = await serve(async () => {
        await sleep(40);
        return {};
      });
      await using peer = await dial(listener);
      const startedAt = performance.now();
      const { timing } = await peer.request({ method: 'slow' });
      const totalUs = (performance.now() - startedAt) * 1000;
      const { encodeUs, networkUs, remoteUs, decodeUs } = timing;
      expect(remoteUs).toBeGreaterThan(38_000);
      expect(networkUs).toBeGreaterThan(0);
      expect(encodeUs + networkUs + remoteUs + decodeUs).toBeLessThanOrEqual(totalUs + 1);
      expect(await peer.ping()).toBeGreaterThan(0);
    });

    it('passes on the code and text of an error, and hides what a defect says', async () => {
      const problems: CutpointError[] = [];
      const listener = await serve(
        async ({ method }) => {
          if (method === 'known') throw new CutpointError('CUT_INPUT', 'The input "x" is missing.');
          throw new Error('secret path /etc/shadow');
        },
        { onError: (error) => problems.push(error) },
      );
      await using peer = await dial(listener);
      await expect(peer.request({ method: 'known' })).rejects.toMatchObject({
        code: 'CUT_INPUT',
        message: 'The input "x" is missing.',
      });
      const unknown = peer.request({ method: 'unknown' });
      await expect(unknown).rejects.toMatchObject({ code: 'CUT_INTERNAL' });
      await expect(unknown).rejects.not.toThrow(/secret/);
      expect(problems.map(({ message }) => message).join()).toContain('secret path');
    });

    it('gives up at the deadline on both sides and keeps the connection', async () => {
      const reasons: unknown[] = [];
      let budget = 0;
      const listener = await serve(async ({ method, signal, deadlineMs }) => {
        if (method === 'quick') return {};
        budget = deadlineMs ?? 0;
        await sleep(10_000, undefined, { signal }).catch(() => reasons.push(signal.reason));
        return {};
      });
      await using peer = await dial(listener);
      const startedAt = performance.now();
      await expect(peer.request({ method: 'slow' }, { deadlineMs: 60 })).rejects.toMatchObject({
        code: 'CUT_DEADLINE',
      });
      expect(performance.now() - startedAt).toBeLessThan(1_000);
      await until(() => reasons.length === 1);
      expect(['CUT_DEADLINE', 'CUT_CANCELLED']).toContain((reasons[0] as CutpointError).code);
      expect(budget).toBeGreaterThan(0);
      expect(budget).toBeLessThanOrEqual(60);
      await peer.request({ method: 'quick' });
    });

    it('rejects within 10 ms of an abort, tells the handler, and drops the late reply', async () => {
      let reason: unknown;
      const listener = await serve(async ({ method, signal, meta }) => {
        if (method === 'quick') return { meta };
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        reason = signal.reason;
        await sleep(20);
        return { meta: { late: true } };
      });
      await using peer = await dial(listener, { limits: { maxQueued: 1 } });
      const controller = new AbortController();
      const call = peer.request({ method: 'slow' }, { signal: controller.signal });
      const rejected = call.then(
        () => undefined,
        (error: unknown) => ({ error, at: performance.now() }),
      );
      await sleep(20);
      const abortedAt = performance.now();
      controller.abort();
      const outcome = await rejected;
      expect(outcome?.error).toMatchObject({ code: 'CUT_CANCELLED' });
      expect((outcome?.at ?? Number.NaN) - abortedAt).toBeLessThan(10);
      expect((await peer.request({ method: 'quick', meta: { n: 1 } })).meta).toEqual({ n: 1 });
      await until(() => reason !== undefined);
      expect(reason).toMatchObject({ code: 'CUT_CANCELLED' });
      await expect(peer.request({ method: 'quick' }, { signal: AbortSignal.abort() })).rejects.toMatchObject({
        code: 'CUT_CANCELLED',
      });
    });

    it('cancels a request that still waits for its turn without bothering the server', async () => {
      const seen: string[] = [];
      let release = (): void => {};
      const gate = new Promise<void>((resolve) => {
        release = resolve;
      });
      const listener = await serve(
        async ({ method }) => {
          seen.push(method);
          await gate;
          return {};
        },
        { limits: { maxRequests: 1 } },
      );
      await using peer = await dial(listener);
      const first = peer.request({ method: 'first' });
      const controller = new AbortController();
      const second = peer.request({ method: 'second' }, { signal: controller.signal });
      const third = peer.request({ method: 'third' });
      controller.abort();
      await expect(second).rejects.toMatchObject({ code: 'CUT_CANCELLED' });
      release();
      await Promise.all([first, third]);
      expect(seen).toEqual(['first', 'third']);
    });

    it('stops reading while requests under way hold too much, and goes on when they are done', async () => {
      let arrived = 0;
      let release = (): void => {};
      const gate = new Promise<void>((resolve) => {
        release = resolve;
      });
      const listener = await serve(
        async () => {
          arrived++;
          await gate;
          return {};
        },
        { limits: { maxHeldBytes: 4_000_000 } },
      );
      await using peer = await dial(listener);
      const tensors = new Map([['x', filled('u8', [1_000_000])]]);
      const calls = Array.from({ length: 30 }, () => peer.request({ method: 'hold', tensors }));
      await until(() => arrived >= 4);
      await sleep(100);
      // Frames that were in the same chunk as the one that reached the limit may still get through.
      expect(arrived).toBeLessThanOrEqual(6);
      release();
      await Promise.all(calls);
      expect(arrived).toBe(30);
    });

    it('refuses what the other side would not accept before sending it', async () => {
      const listener = await serve(
        async ({ meta }) => ({ tensors: new Map([['x', filled('u8', [Number(meta.bytes)])]]) }),
        {
          limits: { maxFrameBytes: 100_000 },
        },
      );
      await using peer = await dial(listener, { limits: { maxFrameBytes: 50_000 } });
      const tensors = new Map([['x', filled('u8', [100_000])]]);
      await expect(peer.request({ method: 'send', tensors })).rejects.toMatchObject({ code: 'CUT_WIRE_TOO_LARGE' });
      await expect(peer.request({ method: 'get', meta: { bytes: 60_000 } })).rejects.toMatchObject({
        code: 'CUT_WIRE_TOO_LARGE',
      });
      await expect(peer.request({ method: 'get', meta: { odd: new Date() } })).rejects.toMatchObject({
        code: 'CUT_INPUT',
      });
      expect((await peer.request({ method: 'get', meta: { bytes: 40_000 } })).tensors.get('x')?.shape).toEqual([
        40_000,
      ]);
    });

    it('introduces both sides to each other', async () => {
      let remote: unknown;
      const listener = await serve(
        async (request) => {
          remote = request.remote;
          return {};
        },
        { hello: { name: 'the server', capabilities: ['raw'] } },
      );
      await using peer = await dial(listener, { hello: { name: 'the client', capabilities: ['raw', 'f16'] } });
      await peer.request({ method: 'x' });
      expect(peer.remote).toMatchObject({ name: 'the server', capabilities: ['raw'] });
      expect(remote).toMatchObject({ name: 'the client', capabilities: ['raw', 'f16'] });
      expect(JSON.stringify(remote)).not.toContain('token');
    });

    it('lets in only those who know the token', async () => {
      const listener = await serve(echo, { token: 'sesame' });
      await expect(dial(listener)).rejects.toMatchObject({ code: 'CUT_UNAUTHORISED' });
      await expect(dial(listener, { token: 'sesam' })).rejects.toMatchObject({ code: 'CUT_UNAUTHORISED' });
      await using peer = await dial(listener, { token: 'sesame' });
      await peer.request({ method: 'echo' });
      expect(listener.connectionCount).toBe(1);
    });

    it('lets requests under way finish when it closes, and takes no new ones', async () => {
      const listener = await serve(async () => {
        await sleep(100);
        return { meta: { done: true } };
      });
      const peer = await dial(listener);
      const call = peer.request({ method: 'slow' });
      await sleep(30);
      const closed = listener.close({ graceMs: 5_000 });
      await sleep(30);
      await expect(peer.request({ method: 'late' })).rejects.toMatchObject({ code: 'CUT_CONNECTION_LOST' });
      expect((await call).meta).toEqual({ done: true });
      await closed;
      expect(await peer.closed).toBeUndefined();
      await expect(dial(listener)).rejects.toMatchObject({ code: 'CUT_UNREACHABLE' });
    });

    it('cuts off what does not finish within the grace', async () => {
      let aborted = false;
      const listener = await serve(async ({ signal }) => {
        await sleep(60_000, undefined, { signal }).catch(() => {
          aborted = true;
        });
        return {};
      });
      const peer = await dial(listener);
      const call = peer.request({ method: 'endless' });
      await sleep(30);
      const startedAt = performance.now();
      const rejected = expect(call).rejects.toMatchObject({ code: 'CUT_CONNECTION_LOST' });
      await listener.close({ graceMs: 50 });
      await rejected;
      expect(performance.now() - startedAt).toBeLessThan(3_000);
      await until(() => aborted);
    });

    it('rejects what is pending when the client closes, and aborts it on the server', async () => {
      let aborted = false;
      const listener = await serve(async ({ signal }) => {
        await sleep(60_000, undefined, { signal }).catch(() => {
          aborted = true;
        });
        return {};
      });
      const peer = await dial(listener);
      const rejected = expect(peer.request({ method: 'endless' })).rejects.toMatchObject({ code: 'CUT_DISPOSED' });
      await sleep(30);
      await peer.close();
      await rejected;
      expect(await peer.closed).toBeUndefined();
      await until(() => aborted && listener.connectionCount === 0);
      await expect(peer.request({ method: 'more' })).rejects.toMatchObject({ code: 'CUT_DISPOSED' });
      await expect(peer.ping()).rejects.toMatchObject({ code: 'CUT_DISPOSED' });
    });

    it('says so when the address is taken', async () => {
      const listener = await serve(echo);
      await expect(serve(echo, { url: listener.url })).rejects.toMatchObject({ code: 'CUT_BIND' });
    });
  });
}
