import { expect, it } from 'vitest';
import type { EmulatedLink } from './emulated-link.js';
import type { LinkParameters } from './link-parameters.js';
import { connectTcp, quartile } from './tcp-probe.testing.js';

/** A link to a server as tcp-probe.testing.ts opens it. */
export type OpenLink = (parameters: LinkParameters) => Promise<AsyncDisposable & { readonly link: EmulatedLink }>;

const direction = (rateMbit: number, delayMs: number) => ({ rateMbit, delayMs, jitterMs: 0, lossPct: 0 });
const within = (ms: number, wantedMs: number, slackMs = 1) => {
  expect(ms).toBeGreaterThan(wantedMs * 0.9 - slackMs);
  expect(ms).toBeLessThan(wantedMs * 1.1 + slackMs);
};

/** What every emulation of a link must do. */
export function describeLink(openLink: OpenLink): void {
  it('keeps rate and delay of each direction', { retry: 2 }, async () => {
    const parameters = { up: direction(20, 5), down: direction(40, 15) };
    await using opened = await openLink(parameters);
    using client = await connectTcp(opened.link.url);
    await client.exchange(100_000, 100_000);
    within(await client.exchange(1, 1), 20);
    within(await client.exchange(250_000, 1), 120, 3);
    within(await client.exchange(1, 250_000), 70, 3);
  });

  it('shares its rate among connections', { retry: 2 }, async () => {
    await using opened = await openLink({ up: direction(20, 2), down: direction(20, 2) });
    const clients = await Promise.all([connectTcp(opened.link.url), connectTcp(opened.link.url)]);
    try {
      const fromMs = performance.now();
      await Promise.all(clients.map((client) => client.exchange(125_000, 1)));
      within(performance.now() - fromMs, 104, 3);
    } finally {
      for (const client of clients) client[Symbol.dispose]();
    }
  });

  it('changes while it is used', { retry: 2 }, async () => {
    await using opened = await openLink({ up: direction(100, 2), down: direction(100, 2) });
    using client = await connectTcp(opened.link.url);
    await client.exchange(1000, 1000);
    within(await client.exchange(1, 1), 4);
    const slower = { up: direction(5, 30), down: direction(5, 30) };
    await opened.link.set(slower);
    expect(opened.link.parameters).toEqual(slower);
    within(await client.exchange(1, 1), 60);
    within(await client.exchange(25_000, 1), 100, 3);
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
