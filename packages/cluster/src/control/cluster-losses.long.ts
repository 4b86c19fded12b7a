import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Daemon, openLog } from '@cutpoint/daemon';
import { greedySampling, manifestHash, randomContent } from '@cutpoint/llm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CuttableLink } from '../../../../test/cuttable-link.testing.js';
import { type TemporaryPackage, temporaryPackage } from '../../../llm/src/decode/random-package.testing.js';
import { smallConfig } from '../../../llm/src/package/small-decoder.testing.js';
import type { RankAddress } from '../group/data-port.js';
import { rankSettings } from '../rank-settings.js';
import { startRank } from '../start-rank.js';
import { ClusterDecoder, type ClusterEvent, type ClusterOptions } from './cluster-decoder.js';
import { ShardStore } from './shard-store.js';

const config = {
  ...smallConfig,
  hiddenSize: 128,
  heads: 4,
  kvHeads: 4,
  headSize: 32,
  ffnSize: 512,
  vocabularySize: 256,
};
const log = openLog({ name: 'rank', level: 'silent', format: 'json' });

let made: TemporaryPackage;
let folder: string;
let ranks: Daemon[];
let events: ClusterEvent[];
const links: CuttableLink[] = [];

/** Ranks of this process, each with a folder of its own. */
beforeEach(async () => {
  made = await temporaryPackage(randomContent('small', config, 4, 32));
  folder = await mkdtemp(join(tmpdir(), 'cluster-losses-'));
  events = [];
  ranks = await Promise.all([1, 2, 3].map((rank) => rankAt('tcp://127.0.0.1:0', rank)));
});
afterEach(async () => {
  for (const rank of ranks) await rank.close();
  for (const link of links.splice(0)) await link[Symbol.asyncDispose]();
  await made[Symbol.asyncDispose]();
  // What a rank was told last may still be done.
  await rm(folder, { recursive: true, maxRetries: 10, retryDelay: 100 });
});

async function rankAt(listen: string, rank: number): Promise<Daemon> {
  return await startRank(rankSettings.parse({ listen, shards: shardsOf(rank) }), { log });
}

function shardsOf(rank: number): string {
  return join(folder, `shards-${rank}`);
}

async function lead(options: Partial<ClusterOptions> = {}): Promise<ClusterDecoder> {
  return await ClusterDecoder.open({
    made: { ...made, hash: await manifestHash(made.folder) },
    others: ranks.map(({ url }) => ({ url })),
    store: new ShardStore(shardsOf(0)),
    threads: 1,
    cache: 'f32',
    chunkTokens: 16,
    spin: false,
    rules: [{ mostBytes: Number.POSITIVE_INFINITY, topology: 'mesh', payload: 'f32' }],
    onEvent: (event) => events.push(event),
    ...options,
  });
}

async function textOf(decoder: ClusterDecoder, onToken: (count: number) => Promise<void> = async () => {}) {
  const sequence = decoder.sequence();
  const tokens = [5, 9, 17, 3];
  for (let count = 0; count < 6; count++) {
    const step = { text: tokens, draft: [], sampling: greedySampling, ends: new Set<number>() };
    tokens.push(...(await decoder.next(sequence, step)).tokens);
    await onToken(count);
  }
  return tokens;
}

async function linkTo({ host, port }: RankAddress): Promise<RankAddress> {
  const link = await CuttableLink.open(host, port);
  links.push(link);
  return { host: '127.0.0.1', port: link.port };
}

/** New shards find no place there any more. */
async function spoil(rank: number): Promise<void> {
  await rename(shardsOf(rank), `${shardsOf(rank)}.before`);
  await writeFile(shardsOf(rank), 'no folder');
}

describe('a cluster that lost a rank', () => {
  it('also goes on without one that cannot take its new shard', async () => {
    await using decoder = await lead();
    const should = await textOf(decoder);
    const tokens = await textOf(decoder, async (count) => {
      if (count !== 2) return;
      await spoil(2);
      await ranks[2]?.close();
    });
    expect(tokens).toEqual(should);
    expect(events.filter(({ kind }) => kind === 'lost')).toMatchObject([
      { rank: ranks[2]?.url },
      {
        rank: ranks[1]?.url,
        reason: { message: expect.stringMatching(/^Rank 2 at tcp:/) },
      },
    ]);
    expect(events.at(-1)).toMatchObject({ kind: 'formed', ranks: [ranks[0]?.url] });
  });

  it('reports only those that are left, also if one was lost behind the last token', async () => {
    await using decoder = await lead();
    await textOf(decoder);
    await ranks[2]?.close();
    const [, one, two, three] = await decoder.report();
    expect([one?.rank, two?.rank, three?.rank]).toEqual(ranks.map(({ url }) => url));
    expect(one?.peakRssBytes).toBeGreaterThan(0);
    expect(three?.peakRssBytes).toBeNull();
    await textOf(decoder);
    expect((await decoder.report()).map(({ rank }) => rank)).toEqual(['here', ranks[0]?.url, ranks[1]?.url]);
  });

  it('goes on without one that is back, but in another cluster', async () => {
    await using decoder = await lead();
    const should = await textOf(decoder);
    const url = ranks[2]?.url ?? '';
    const tokens = await textOf(decoder, async (count) => {
      if (count === 2) await ranks[2]?.close();
    });
    const again = await rankAt(url, 3);
    ranks.push(again);
    await using _ = await lead({ others: [{ url }], store: new ShardStore(shardsOf(4)), onEvent: () => {} });
    const isBack = () => events.some(({ kind }) => kind === 'returned');
    const until = performance.now() + 10_000;
    while (!isBack() && performance.now() < until) {
      await sleep(500);
      expect(await textOf(decoder)).toEqual(should);
    }
    expect(tokens).toEqual(should);
    const from = events.findIndex(({ kind }) => kind === 'returned');
    expect(events.slice(from, from + 3)).toMatchObject([
      { kind: 'returned', rank: url },
      { kind: 'lost', rank: url, reason: { code: 'CUT_OVERLOADED' } },
      { kind: 'formed', ranks: [ranks[0]?.url, ranks[1]?.url] },
    ]);
  }, 30_000);

  it('says whom it was left by, if what is left cannot hold the model either', async () => {
    await using decoder = await lead();
    const text = textOf(decoder, async (count) => {
      if (count !== 2) return;
      for (const rank of [0, 2]) await spoil(rank);
      await ranks[2]?.close();
    });
    await expect(text).rejects.toMatchObject({
      message: expect.stringMatching(new RegExp(`shards-0.*Lost before that: .*${ranks[2]?.url}`)),
    });
  });
});

describe('a rank that sends nonsense', () => {
  it.each([
    ['rank 0', 0],
    ['another one', 1],
  ])('to %s is named, and the others are brought together without it', async (_, to) => {
    await using decoder = await lead({
      route: async (from, rank, address) => (from === to && rank === 2 ? await linkTo(address) : address),
    });
    const should = await textOf(decoder);
    const tokens = await textOf(decoder, async (count) => {
      if (count === 2) for (const link of links) link.garble();
    });
    expect(tokens).toEqual(should);
    expect(events.filter(({ kind }) => kind === 'lost')).toMatchObject([
      { rank: ranks[1]?.url, reason: { code: 'CUT_RANK_LOST' } },
    ]);
    expect(events.at(-1)).toMatchObject({ kind: 'formed', ranks: [ranks[0]?.url, ranks[2]?.url] });
  });
});

describe('ranks that measure their links', () => {
  it('are brought together again without one whose link brings nothing', async () => {
    let isStill = false;
    await using decoder = await lead({
      rules: undefined,
      route: async (from, to, address) => {
        if (from !== 1 || to !== 2) return address;
        const routed = await linkTo(address);
        if (isStill) stillAfterGreeting(links.at(-1));
        return routed;
      },
    });
    const should = await textOf(decoder);
    const tokens = await textOf(decoder, async (count) => {
      if (count !== 2) return;
      isStill = true;
      await ranks[2]?.close();
    });
    expect(tokens).toEqual(should);
    expect(events.filter(({ kind }) => kind === 'lost')).toMatchObject([
      { rank: ranks[2]?.url },
      { reason: { code: 'CUT_RANK_LOST', message: expect.stringContaining('the link between them is cut') } },
    ]);
  }, 20_000);
});

it('takes ranks at addresses of IPv6', async (context) => {
  const listen = await rankAt('tcp://[::1]:0', 4).catch((thrown: unknown) => thrown);
  if (listen instanceof Error) return context.skip('This machine has no IPv6 loopback.');
  const rank = listen as Daemon;
  ranks.push(rank);
  await using decoder = await lead({ others: [{ url: rank.url }] });
  expect((await decoder.report()).map(({ rank: url }) => url)).toEqual(['here', expect.stringContaining('[::1]')]);
  expect(await textOf(decoder)).toHaveLength(10);
});

/** Cuts a link as soon as more has passed than two ranks need to know each other. */
function stillAfterGreeting(link: CuttableLink | undefined): void {
  const timer = setInterval(() => {
    if (Buffer.concat(link?.passed ?? []).length < 1_000) return;
    link?.cut();
    clearInterval(timer);
  }, 1);
  timer.unref();
}
