import { byteLength, type Tensor } from '@cutpoint/core';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCertificate } from './certificates.testing.js';
import { digest, dtypes, echo, filled } from './conformance-helpers.testing.js';
import { requestsConform } from './conformance-requests.testing.js';
import type { ConnectOptions, connect } from './connect.js';
import type { Listener, ListenOptions, listen } from './listen.js';
import type { RequestHandler } from './served-connection.js';

/** A transport under test, and how to listen and connect on it. */
export interface TransportCase {
  readonly transport: string;
  readonly listen: typeof listen;
  readonly connect: typeof connect;
  /** Where to listen, anew each time. */
  readonly url: () => string;
  readonly secure?: boolean;
  /** What else listening at an address needs, and connecting from elsewhere. */
  readonly listenOptions?: (url: string) => Partial<ListenOptions>;
  readonly connectOptions?: () => Partial<ConnectOptions>;
}

/** What every transport must do; the tests add nothing that only one transport has. */
export function conformTo(options: TransportCase): void {
  const { transport, listen, connect, secure, listenOptions, connectOptions, url: freshUrl } = options;
  describe(`transport ${transport}`, () => {
    let keys: { cert: string; key: string } | undefined;
    beforeAll(async () => {
      if (secure === true) keys = await makeCertificate();
    });
    const opened: Listener[] = [];
    afterAll(async () => {
      for (const listener of opened) await listener.close();
    });

    const serve = async (handler: RequestHandler, options: Partial<ListenOptions> = {}): Promise<Listener> => {
      const { url = freshUrl() } = options;
      const tls = keys ? { tls: keys } : {};
      const listener = await listen({ handler, ...tls, ...listenOptions?.(url), ...options, url });
      opened.push(listener);
      return listener;
    };
    const dial = (listener: Listener, options: Partial<ConnectOptions> = {}) =>
      connect({
        url: listener.url,
        connectTimeoutMs: 20_000,
        ...(keys ? { tls: { ca: keys.cert } } : {}),
        ...connectOptions?.(),
        ...options,
      });

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
    }, 60_000);

    requestsConform({ serve, dial });
  });
}
