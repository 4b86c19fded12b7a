import { setTimeout as sleep } from 'node:timers/promises';
import { CutpointError, tensorOf } from '@cutpoint/core';
import { expect, it } from 'vitest';
import { abortSignalOf, echo, filled, until, type Wiring } from './conformance-helpers.testing.js';
import type { RequestHandler } from './served-connection.js';

/** What requests must do on every transport: order, limits, deadlines, cancelling, errors, closing. */
export function requestsConform({ serve, dial }: Wiring): void {
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

  it('spends ten bytes and the method on bytes that come without meta data', async () => {
    const listener = await serve(async ({ tensors }) => ({ tensors }));
    await using peer = await dial(listener);
    for (const length of [0, 91, 65_535]) {
      const tensors = new Map([['', tensorOf('u8', [length], new Uint8Array(length).fill(7))]]);
      const { tensors: back, sentBytes, receivedBytes } = await peer.request({ method: 'p', tensors });
      expect(back).toEqual(tensors);
      expect([sentBytes, receivedBytes]).toEqual([length + 11, length + 10]);
    }
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
    let budgetMs = 0;
    const listener = await serve(async ({ method, signal }) => {
      if (method === 'quick') return {};
      budgetMs = (signal.endsAtMs ?? 0) - performance.now();
      await sleep(60_000, undefined, { signal: abortSignalOf(signal) }).catch(() => reasons.push(signal.reason));
      return {};
    });
    await using peer = await dial(listener);
    // A short deadline may be over before a busy machine has carried the request to the handler.
    const lateMs: number[] = [];
    for (const deadlineMs of [60, 250, 1_000, 4_000]) {
      const startedAt = performance.now();
      await expect(peer.request({ method: 'slow' }, { deadlineMs })).rejects.toMatchObject({ code: 'CUT_DEADLINE' });
      lateMs.push(performance.now() - startedAt - deadlineMs);
      await peer.request({ method: 'quick' });
      if (budgetMs === 0) continue;
      expect(budgetMs).toBeLessThanOrEqual(deadlineMs);
      break;
    }
    expect(budgetMs).toBeGreaterThan(0);
    expect(Math.min(...lateMs)).toBeLessThan(940);
    await until(() => reasons.length === 1);
    expect(['CUT_DEADLINE', 'CUT_CANCELLED']).toContain((reasons[0] as CutpointError).code);
  });

  it('rejects within 10 ms of an abort, tells the handler, and drops the late reply', async () => {
    let arrived = 0;
    const reasons: unknown[] = [];
    const listener = await serve(async ({ method, signal, meta }) => {
      if (method === 'quick') return { meta };
      arrived++;
      await new Promise<void>((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      reasons.push(signal.reason);
      await sleep(20);
      return { meta: { late: true } };
    });
    await using peer = await dial(listener, { limits: { maxQueued: 1 } });
    const tookMs: number[] = [];
    for (let tries = 1; tries <= 5 && !tookMs.some((ms) => ms < 10); tries++) {
      const controller = new AbortController();
      const call = peer.request({ method: 'slow' }, { signal: controller.signal });
      const rejected = call.then(
        () => undefined,
        (error: unknown) => ({ error, at: performance.now() }),
      );
      await until(() => arrived === tries);
      const abortedAt = performance.now();
      controller.abort();
      const outcome = await rejected;
      expect(outcome?.error).toMatchObject({ code: 'CUT_CANCELLED' });
      tookMs.push((outcome?.at ?? Number.NaN) - abortedAt);
      expect((await peer.request({ method: 'quick', meta: { n: tries } })).meta).toEqual({ n: tries });
      await until(() => reasons.length === tries);
      expect(reasons.at(-1)).toMatchObject({ code: 'CUT_CANCELLED' });
    }
    expect(Math.min(...tookMs)).toBeLessThan(10);
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
    expect((await peer.request({ method: 'get', meta: { bytes: 40_000 } })).tensors.get('x')?.shape).toEqual([40_000]);
  });

  it('refuses more tensors, and longer names, than the other side takes; other calls live on', async () => {
    const many = (count: number) =>
      new Map(Array.from({ length: count }, (_, i) => [`${'n'.repeat(50)}${i}`, filled('u8', [1])] as const));
    const answer: RequestHandler = async ({ meta }) => ({ tensors: many(Number(meta.count ?? 0)) });
    const listener = await serve(answer, { limits: { maxTensors: 100, maxHeaderBytes: 4_000 } });
    await using peer = await dial(listener, { limits: { maxTensors: 10 } });
    const tooLarge = { code: 'CUT_WIRE_TOO_LARGE' };
    const slow = peer.request({ method: 'get', meta: { count: 10 } });
    await expect(peer.request({ method: 'send', tensors: many(101) })).rejects.toMatchObject(tooLarge);
    await expect(peer.request({ method: 'send', tensors: many(90) })).rejects.toMatchObject(tooLarge);
    await expect(peer.request({ method: 'get', meta: { count: 11 } })).rejects.toMatchObject(tooLarge);
    expect((await slow).tensors.size).toBe(10);
    expect((await peer.request({ method: 'send', tensors: many(20) })).tensors.size).toBe(0);
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
    const refused = (words: string) => ({ code: 'CUT_UNAUTHORISED', message: expect.stringContaining(words) });
    await expect(dial(listener)).rejects.toMatchObject(refused('none was given'));
    await expect(dial(listener, { token: 'sesam' })).rejects.toMatchObject(refused('The token is wrong'));
    await using peer = await dial(listener, { token: 'sesame' });
    await peer.request({ method: 'echo' });
    expect(listener.connectionCount).toBe(1);
  });

  it('lets requests under way finish when it closes, and takes no new ones', async () => {
    let arrived = false;
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const listener = await serve(async () => {
      arrived = true;
      await gate;
      return { meta: { done: true } };
    });
    const peer = await dial(listener);
    const call = peer.request({ method: 'slow' });
    await until(() => arrived);
    const closed = listener.close({ graceMs: 20_000 });
    await expect(peer.request({ method: 'late' })).rejects.toMatchObject({ code: 'CUT_CONNECTION_LOST' });
    release();
    expect((await call).meta).toEqual({ done: true });
    await closed;
    expect(await peer.closed).toBeUndefined();
    await expect(dial(listener)).rejects.toMatchObject({ code: 'CUT_UNREACHABLE' });
  });

  it('cuts off what does not finish within the grace', async () => {
    const handler = endless();
    const listener = await serve(handler.handle);
    const peer = await dial(listener);
    const call = peer.request({ method: 'endless' });
    await until(() => handler.began);
    const startedAt = performance.now();
    const rejected = expect(call).rejects.toMatchObject({ code: 'CUT_CONNECTION_LOST' });
    await listener.close({ graceMs: 50 });
    await rejected;
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    await until(() => handler.aborted);
  });

  it('rejects what is pending when the client closes, and aborts it on the server', async () => {
    const handler = endless();
    const listener = await serve(handler.handle);
    const peer = await dial(listener);
    const rejected = expect(peer.request({ method: 'endless' })).rejects.toMatchObject({ code: 'CUT_DISPOSED' });
    await until(() => handler.began);
    await peer.close();
    await rejected;
    expect(await peer.closed).toBeUndefined();
    await until(() => handler.aborted && listener.connectionCount === 0);
    await expect(peer.request({ method: 'more' })).rejects.toMatchObject({ code: 'CUT_DISPOSED' });
    await expect(peer.ping()).rejects.toMatchObject({ code: 'CUT_DISPOSED' });
  });

  it('says so when the address is taken', async () => {
    const listener = await serve(echo);
    await expect(serve(echo, { url: listener.url })).rejects.toMatchObject({ code: 'CUT_BIND' });
  });
}

/** A handler that only ends when it is told to, and tells how far it is. */
function endless() {
  const state = {
    began: false,
    aborted: false,
    handle: (async ({ signal }) => {
      state.began = true;
      await sleep(60_000, undefined, { signal: abortSignalOf(signal) }).catch(() => {
        state.aborted = true;
      });
      return {};
    }) satisfies RequestHandler,
  };
  return state;
}
