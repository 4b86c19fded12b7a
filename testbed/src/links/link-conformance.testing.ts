import { expect, it } from 'vitest';
import type { EmulatedLink } from './emulated-link.js';
import type { LinkParameters } from './link-parameters.js';
import { connectTcp, quartile } from './tcp-probe.testing.js';

/** A link to a server as tcp-probe.testing.ts opens it. */
export type OpenLink = (parameters: LinkParameters) => Promise<AsyncDisposable & { readonly link: EmulatedLink }>;

const direction = (rateMbit: number, delayMs: number) => ({ rateMbit, delayMs, jitterMs: 0, lossPct: 0 });

/** Expects that the quickest of some tries takes so long. A link is never too quick; other work makes it slow. */
async function expectTime(measure: () => Promise<number>, wantedMs: number, slackMs = 1): Promise<void> {
  const longestMs = wantedMs * 1.1 + slackMs;
  let quickestMs = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < 10 && quickestMs >= longestMs; tries++) {
    quickestMs = Math.min(quickestMs, await measure());
  }
  expect(quickestMs).toBeGreaterThan(wantedMs * 0.9 - slackMs);
  expect(quickestMs).toBeLessThan(longestMs);
}

/** What every emulation of a link must do. */
export function describeLink(openLink: OpenLink): void {
  it('keeps rate and delay of each direction', { retry: 2 }, async () => {
    const parameters = { up: direction(20, 5), down: direction(40, 15) };
    await using opened = await openLink(parameters);
    using client = await connectTcp(opened.link.url);
    await client.exchange(100_000, 100_000);
    await expectTime(() => client.exchange(1, 1), 20);
    await expectTime(() => client.exchange(250_000, 1), 120, 3);
    await expectTime(() => client.exchange(1, 250_000), 70, 3);
  });

  it('shares its rate among connections', { retry: 2 }, async () => {
    await using opened = await openLink({ up: direction(20, 2), down: direction(20, 2) });
    const clients = await Promise.all([connectTcp(opened.link.url), connectTcp(opened.link.url)]);
    try {
      const both = async () => {
        const fromMs = performance.now();
        await Promise.all(clients.map((client) => client.exchange(125_000, 1)));
        return performance.now() - fromMs;
      };
      await expectTime(both, 104, 3);
    } finally {
      for (const client of clients) client[Symbol.dispose]();
    }
  });

  it('changes while it is used', { retry: 2 }, async () => {
    await using opened = await openLink({ up: direction(100, 2), down: direction(100, 2) });
    using client = await connectTcp(opened.link.url);
    await client.exchange(1000, 1000);
    await expectTime(() => client.exchange(1, 1), 4);
    const slower = { up: direction(5, 30), down: direction(5, 30) };
    await opened.link.set(slower);
    expect(opened.link.parameters).toEqual(slower);
    await expectTime(() => client.exchange(1, 1), 60);
    await expectTime(() => client.exchange(25_000, 1), 100, 3);
  });

  it('adds jitter and loses segments', async () => {
    await using opened = await openLink({
      up: { ...direction(1000, 10), jitterMs: 8 },
      down: { ...direction(1000, 1), lossPct: 10 },
    });
    using client = await connectTcp(opened.link.url);
    const times: number[] = [];
    for (let i = 0; i < 60; i += 1) times.push(await client.exchange(1, 1));
    const ordinary = times.filter((ms) => ms < 100);
    expect(Math.max(...ordinary) - Math.min(...ordinary)).toBeGreaterThan(6);
    expect(quartile(times)).toBeLessThan(20);
    expect(times.length - ordinary.length).toBeGreaterThan(0);
    expect(Math.max(...times)).toBeGreaterThan(200);
  });
}
