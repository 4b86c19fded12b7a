import { linkProfileSchema } from '@cutpoint/plan';
import { answerProbe, type Listener, listen } from '@cutpoint/wire';
import { describe, expect, it } from 'vitest';
import { probeLink } from './probe-link.js';
import { startRelay } from './relay.testing.js';

const portOf = (listener: Listener) => Number(new URL(listener.url).port);
const serve = (scheme: 'tcp' | 'ws', token?: string) =>
  listen({
    url: `${scheme}://127.0.0.1:0`,
    handler: async (request) => answerProbe(request),
    ...(token === undefined ? {} : { token }),
  });

/** How far apart, as a share of the true value. */
const off = (found: number, truth: number) => Math.abs(found - truth) / truth;

describe('a probe', () => {
  it.each([
    { scheme: 'tcp', delayMs: 10, upBytesPerS: 1e6, downBytesPerS: 4e6, budgetMs: 5_000 },
    { scheme: 'ws', delayMs: 100, upBytesPerS: 5e6 / 8, downBytesPerS: 5e6 / 8, budgetMs: 8_000 },
    { scheme: 'tcp', delayMs: 20, upBytesPerS: 20e3, downBytesPerS: 100e3, budgetMs: 6_000 },
  ] as const)(
    'finds the rates and delay of a $scheme link: $delayMs ms, $upBytesPerS B/s up',
    { retry: 4 },
    async (link) => {
      await using listener = await serve(link.scheme);
      await using relay = await startRelay(portOf(listener), link);
      const began = performance.now();
      const profile = await probeLink({ url: `${link.scheme}://127.0.0.1:${relay.port}`, budgetMs: link.budgetMs });
      expect(performance.now() - began).toBeLessThan(link.budgetMs);
      expect(linkProfileSchema.parse(profile)).toEqual(profile);
      expect(off(profile.up.bytesPerS, link.upBytesPerS)).toBeLessThan(0.25);
      expect(off(profile.down.bytesPerS, link.downBytesPerS)).toBeLessThan(0.25);
      // An empty message still is a frame of about 100 bytes, which a slow link takes some time for; and this machine may
      // be late by a few ms.
      const frameMs = (100 / link.upBytesPerS) * 1000;
      const slackMs = 0.1 * link.delayMs + 6;
      expect(Math.abs(profile.rttMs.median - 2 * link.delayMs - frameMs)).toBeLessThan(2 * slackMs);
      expect(Math.abs(profile.up.fixedMs - link.delayMs - frameMs / 2)).toBeLessThan(slackMs);
      expect(profile.down.fixedMs).toBe(profile.up.fixedMs);
    },
  );

  it('of a fast link sends sizes up to some megabytes, several times, and ends early', async () => {
    await using listener = await serve('ws');
    const began = performance.now();
    const profile = await probeLink({ url: listener.url });
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(new Set(profile.samples.map(({ bytes }) => bytes)).size).toBeGreaterThanOrEqual(4);
    expect(Math.max(...profile.samples.map(({ bytes }) => bytes))).toBeGreaterThan(1e6);
    expect(profile.up.bytesPerS).toBeGreaterThan(10e6);
  });

  it('needs the token, and says so', async () => {
    await using listener = await serve('tcp', 'secret');
    await expect(probeLink({ url: listener.url })).rejects.toMatchObject({ code: 'CUT_UNAUTHORISED' });
    await expect(probeLink({ url: listener.url, token: 'secret', budgetMs: 1_000 })).resolves.toBeDefined();
  });

  it('gives up when its time is over, and when it is cancelled', async () => {
    await using listener = await serve('tcp');
    await using relay = await startRelay(portOf(listener), { delayMs: 400, upBytesPerS: 1e6, downBytesPerS: 1e6 });
    const url = `tcp://127.0.0.1:${relay.port}`;
    await expect(probeLink({ url, budgetMs: 1_500 })).rejects.toMatchObject({ code: 'CUT_DEADLINE' });
    const signal = AbortSignal.timeout(500);
    await expect(probeLink({ url, signal })).rejects.toMatchObject({ code: 'CUT_DEADLINE' });
  });

  it('says what is wrong with a side that knows no probe', async () => {
    await using listener = await listen({ url: 'tcp://127.0.0.1:0', handler: async () => ({}) });
    const profile = await probeLink({ url: listener.url, budgetMs: 500 }).catch((error: unknown) => error);
    expect(profile).toMatchObject({ code: 'CUT_WIRE_MALFORMED' });
  });
});
