import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { CutpointError } from '@cutpoint/core';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { digest, echo, filled, until } from './conformance-helpers.testing.js';
import { connect } from './connect.js';
import { MemoryBroker } from './couriers.testing.js';
import type { Link } from './link.js';
import { type Listener, listen } from './listen.js';
import { decodeMessage, encodeMessage, type MessageHead, sizeBody } from './message-format.js';
import { openPost, type Post, type PostOptions } from './post.js';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Pair {
  readonly broker: MemoryBroker;
  readonly near: Post;
  readonly far: Post;
  readonly problems: CutpointError[];
}

function openPair(options: Partial<PostOptions> = {}, maxMessageBytes = 4_096): Pair {
  const broker = new MemoryBroker();
  const problems: CutpointError[] = [];
  const near = openPost(broker.courier('near', maxMessageBytes), options);
  const onProblem = (error: CutpointError) => problems.push(error);
  const far = openPost(broker.courier('far', maxMessageBytes), { ...options, onProblem });
  closers.push(
    () => near.close(),
    () => far.close(),
  );
  return { broker, near, far, problems };
}

/** What one end of a link was told. */
class End {
  readonly hash = createHash('sha256');
  bytes = 0;
  drains = 0;
  closed: { error: CutpointError | undefined } | undefined;

  constructor(readonly link: Link) {
    link.start({
      onData: (chunk) => {
        this.hash.update(chunk);
        this.bytes += chunk.length;
      },
      target: () => undefined,
      onFilled: () => {},
      onDrain: () => {
        this.drains++;
      },
      onClose: (error) => {
        if (this.closed !== undefined) throw new Error('closed twice');
        this.closed = { error };
      },
    });
  }
}

async function openEnds(pair: Pair): Promise<{ near: End; far: End }> {
  const arrived = new Promise<Link>((resolve) => {
    const binding = pair.far.accept(resolve);
    closers.push(() => binding[Symbol.dispose]());
  });
  const near = new End(await pair.near.dial('far', AbortSignal.timeout(20_000)));
  return { near, far: new End(await arrived) };
}

async function serve(post: Post): Promise<Listener> {
  const listener = await listen({ url: `mqtt:${post.device}`, post, handler: echo });
  closers.push(() => listener.close());
  return listener;
}

const connectTimeoutMs = 20_000;

describe('a link through a broker', () => {
  it('carries any bytes in any pieces, to the end, in messages that the broker takes', async () => {
    const pair = openPair({ window: 3 }, 1_024);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: 5_000 }), { maxLength: 8 }), fc.nat(255), async (lengths, seed) => {
        const { near, far } = await openEnds(pair);
        const sent = createHash('sha256');
        for (const [i, length] of lengths.entries()) {
          const part = filled('u8', [length], seed + i).data;
          sent.update(part);
          const drains = near.drains;
          if (!near.link.write([part.subarray(0, length >> 1), part.subarray(length >> 1)])) {
            await until(() => near.drains > drains);
          }
        }
        near.link.end();
        await until(() => near.closed !== undefined && far.closed !== undefined);
        expect([near.closed, far.closed]).toEqual([{ error: undefined }, { error: undefined }]);
        expect(far.hash.digest('hex')).toBe(sent.digest('hex'));
        for (const close of closers.splice(2)) close();
      }),
      { numRuns: 40 },
    );
    expect(pair.near.linkCount + pair.far.linkCount).toBe(0);
  });

  it('is slowed by a slow reader: neither the broker nor the reader holds more than the window', async () => {
    const pair = openPair({ window: 4 });
    const { near, far } = await openEnds(pair);
    far.link.pause();
    const part = filled('u8', [100_000]).data;
    expect(near.link.write([part])).toBe(false);
    await sleep(50);
    expect(near.drains).toBe(0);
    expect(pair.broker.mostWaitingBytes).toBeLessThanOrEqual(4 * 4_096);
    expect(far.bytes).toBe(0);
    far.link.resume();
    await until(() => far.bytes === part.length);
    expect(near.drains).toBe(1);
  });

  it('ends in order only after all that was written, also when the reader was slow', async () => {
    const { near, far } = await openEnds(openPair({ window: 2 }));
    far.link.pause();
    near.link.write([filled('u8', [50_000]).data]);
    near.link.end();
    await sleep(30);
    expect(far.closed).toBeUndefined();
    far.link.resume();
    await until(() => far.closed !== undefined && near.closed !== undefined);
    expect(far.bytes).toBe(50_000);
  });

  it('does not mind messages that come more than once', async () => {
    const pair = openPair({ window: 3 });
    let count = 0;
    pair.broker.fate = () => (++count % 3) + 1;
    const { url } = await serve(pair.far);
    await using peer = await connect({ url, post: pair.near, connectTimeoutMs });
    const tensors = new Map([['x', filled('f32', [30_000])]]);
    for (let i = 0; i < 5; i++) {
      expect(digest((await peer.request({ method: 'echo', tensors })).tensors)).toEqual(digest(tensors));
    }
    expect(pair.far.linkCount).toBe(1);
  });

  it.each([5, 12, 40])('tells both ends when message %i is lost, before anything wrong is read', async (lost) => {
    const pair = openPair({ window: 8, silenceMs: 600 });
    let count = 0;
    pair.broker.fate = (message) => (decodeMessage(message).type === 'data' && ++count === lost ? 0 : 1);
    const { url } = await serve(pair.far);
    const peer = await connect({ url, post: pair.near, connectTimeoutMs });
    const tensors = new Map([['x', filled('u8', [200_000])]]);
    await expect(peer.request({ method: 'echo', tensors })).rejects.toMatchObject({ code: 'CUT_CONNECTION_LOST' });
    await until(() => pair.near.linkCount + pair.far.linkCount === 0);
  });

  it('notices that the last message was lost, when nothing follows it', async () => {
    const pair = openPair({ silenceMs: 300 });
    const { near, far } = await openEnds(pair);
    pair.broker.fate = (message) => (decodeMessage(message).type === 'data' ? 0 : 1);
    near.link.write([Uint8Array.of(1)]);
    await until(() => far.closed !== undefined && near.closed !== undefined);
    expect(far.closed?.error).toMatchObject({
      code: 'CUT_CONNECTION_LOST',
      message: expect.stringContaining('message 0'),
    });
  });

  it('goes on when a credit was lost', async () => {
    const pair = openPair({ window: 4, silenceMs: 600 });
    const { near, far } = await openEnds(pair);
    let dropped = 0;
    pair.broker.fate = (message) => (decodeMessage(message).type === 'credit' && dropped++ < 4 ? 0 : 1);
    near.link.write([filled('u8', [60_000]).data]);
    await until(() => far.bytes === 60_000);
    expect(dropped).toBeGreaterThan(4);
  });

  it('is lost when the other end falls silent', async () => {
    const pair = openPair({ silenceMs: 300 });
    const { near } = await openEnds(pair);
    pair.broker.fate = () => 0;
    await until(() => near.closed !== undefined);
    expect(near.closed?.error).toMatchObject({ message: expect.stringContaining('300 ms') });
  });

  it('is lost at both ends when one loses the broker: at once there, with its next word here', async () => {
    const pair = openPair({ silenceMs: 600 });
    const { near, far } = await openEnds(pair);
    pair.broker.cut('near');
    await until(() => near.closed !== undefined);
    expect(near.closed?.error?.code).toBe('CUT_CONNECTION_LOST');
    await expect(pair.near.dial('far', AbortSignal.timeout(20_000))).rejects.toMatchObject({ code: 'CUT_UNREACHABLE' });
    const again = openPost(pair.broker.courier('near', 4_096), { silenceMs: 600 });
    closers.push(() => again.close());
    await until(() => far.closed !== undefined);
    expect(far.closed?.error?.code).toBe('CUT_CONNECTION_LOST');
    await again.dial('far', AbortSignal.timeout(20_000));
  });

  it('can be made by a device to itself', async () => {
    const { far } = openPair();
    const { url } = await serve(far);
    await using peer = await connect({ url, post: far, connectTimeoutMs });
    expect((await peer.request({ method: 'echo', meta: { a: 1 } })).meta).toEqual({ a: 1 });
  });
});

describe('a post', () => {
  it('says at once that nobody listens, in time that nobody is there, and stops on request', async () => {
    const { near, far } = openPair();
    const call = (url: string, timeoutMs: number) => connect({ url, post: near, connectTimeoutMs: timeoutMs });
    await expect(call('mqtt:far', 5_000)).rejects.toMatchObject({
      code: 'CUT_UNREACHABLE',
      message: expect.stringContaining('does not listen'),
    });
    await expect(call('mqtt:nowhere', 100)).rejects.toMatchObject({ code: 'CUT_UNREACHABLE' });
    const signal = AbortSignal.timeout(50);
    await expect(connect({ url: 'mqtt:nowhere', post: near, connectTimeoutMs, signal })).rejects.toMatchObject({
      code: 'CUT_DEADLINE',
    });
    await expect(connect({ url: 'mqtt:far', connectTimeoutMs })).rejects.toMatchObject({ code: 'CUT_USAGE' });
    await expect(connect({ url: 'mqtt://far', post: near, connectTimeoutMs })).rejects.toMatchObject({
      code: 'CUT_USAGE',
    });
    await expect(listen({ url: 'mqtt:near', post: far, handler: echo })).rejects.toMatchObject({ code: 'CUT_USAGE' });
    near.close();
    await expect(call('mqtt:far', 1_000)).rejects.toMatchObject({ code: 'CUT_DISPOSED' });
  });

  it('limits the links that one device opens; others still get theirs', async () => {
    const { broker, near, far } = openPair({ maxLinksPerDevice: 3 });
    const { url } = await serve(far);
    const dial = (post: Post) => connect({ url, post, connectTimeoutMs });
    const peers = await Promise.all([dial(near), dial(near), dial(near)]);
    await expect(dial(near)).rejects.toMatchObject({ code: 'CUT_OVERLOADED' });
    const other = openPost(broker.courier('other'));
    closers.push(() => other.close());
    await (await dial(other)).close();
    await peers[0]?.close();
    await until(() => far.linkCount === 2);
    await (await dial(near)).close();
  });

  it('cuts off who sends more than it was allowed to', async () => {
    const { broker, far } = openPair({ window: 4 });
    broker.courier('flood').start({ onMessage: () => {}, onLost: () => {} });
    const ends: End[] = [];
    const binding = far.accept((link) => {
      link.pause();
      ends.push(new End(link));
    });
    closers.push(() => binding[Symbol.dispose]());
    const head: MessageHead = { type: 'open', fromOpener: true, link: 'ab'.repeat(8), seq: 0, limit: 16 };
    broker.inject('flood', 'far', encodeMessage(head, [sizeBody(4_096)]));
    const flow = (from: number, to: number): void => {
      for (let seq = from; seq < to; seq++) {
        broker.inject('flood', 'far', encodeMessage({ ...head, type: 'data', seq }, [new Uint8Array(10)]));
      }
    };
    flow(0, 4);
    await sleep(20);
    expect(ends[0]).toMatchObject({ closed: undefined, bytes: 0 });
    flow(4, 5);
    await until(() => ends[0]?.closed !== undefined);
    expect(ends[0]?.closed?.error?.message).toContain('flood sent more than it was allowed to');
    expect(far.linkCount).toBe(0);
  });

  it('survives any bytes, answers no storm with a storm, and goes on serving', async () => {
    const { broker, near, far, problems } = openPair();
    const { url } = await serve(far);
    let sent = 0;
    broker.fate = (_, from) => {
      if (from === 'far') sent++;
      return 1;
    };
    const head: MessageHead = { type: 'data', fromOpener: true, link: '12'.repeat(8), seq: 0, limit: 1 };
    const valid = encodeMessage(head, [new Uint8Array(20)]);
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 51 }), fc.nat(255), fc.nat({ max: 60 }), async (at, byte, length) => {
        const bytes = Buffer.concat([valid, Buffer.alloc(8)]).subarray(0, length);
        if (at < length) bytes[at] = byte;
        broker.inject('evil', 'far', bytes);
      }),
      { numRuns: 2_000 },
    );
    broker.inject('evil', 'far', new Uint8Array(5_000));
    await sleep(50);
    expect(sent).toBeLessThanOrEqual(250);
    expect(problems.length).toBeGreaterThan(50);
    expect(problems.at(-1)?.code).toBe('CUT_WIRE_TOO_LARGE');
    await using peer = await connect({ url, post: near, connectTimeoutMs });
    expect((await peer.request({ method: 'echo', meta: { a: 1 } })).meta).toEqual({ a: 1 });
  });

  it('lets nobody speak on the link of another', async () => {
    const pair = openPair();
    const { near, far } = await openEnds(pair);
    const links: MessageHead[] = [];
    pair.broker.fate = (message) => {
      links.push(decodeMessage(message));
      return 1;
    };
    near.link.write([Uint8Array.of(1)]);
    await until(() => far.bytes === 1);
    const [head] = links;
    if (head === undefined) throw new Error('nothing was sent');
    for (const type of ['data', 'reset', 'end'] as const) {
      pair.broker.inject('evil', 'far', encodeMessage({ ...head, type, seq: head.seq + 1 }, [Uint8Array.of(9)]));
    }
    await sleep(20);
    expect(far).toMatchObject({ bytes: 1, closed: undefined });
  });

  it('needs a broker that takes more than nothing', () => {
    const { broker } = openPair();
    expect(() => openPost(broker.courier('x', 100))).toThrow(CutpointError);
  });
});
