import { join } from 'node:path';
import { openLog } from '@cutpoint/daemon';
import { type DecoderConfig, greedySampling, manifestHash, randomContent } from '@cutpoint/llm';
import { expect, it } from 'vitest';
import { type TemporaryPackage, temporaryPackage } from '../../../llm/src/decode/random-package.testing.js';
import { smallConfig } from '../../../llm/src/package/small-decoder.testing.js';
import { rankSettings } from '../rank-settings.js';
import { startRank } from '../start-rank.js';
import { ClusterDecoder } from './cluster-decoder.js';
import type { RankReport } from './rank-report.js';
import { ShardStore } from './shard-store.js';

const layers = 6;
const wide: DecoderConfig = {
  ...smallConfig,
  layers,
  attention: Array.from({ length: layers }, () => ({ rope: 0, windowTokens: null })),
  hiddenSize: 128,
  headSize: 32,
  ffnSize: 384,
  vocabularySize: 128,
};

/** About what four half layers of a rank take. */
const windowBytes = 2_500_000;

interface Text {
  readonly tokens: readonly number[];
  readonly ranks: readonly RankReport[];
}

/** A greedy text of two ranks. */
async function textOf(made: TemporaryPackage, windows?: readonly number[]): Promise<Text> {
  const settings = rankSettings.parse({ listen: 'tcp://127.0.0.1:0', shards: join(made.folder, 'others') });
  const rank = await startRank(settings, { log: openLog({ name: 'rank', level: 'silent', format: 'json' }) });
  try {
    return await textWith(rank.url, made, windows);
  } finally {
    await rank.close();
  }
}

async function textWith(url: string, made: TemporaryPackage, windows?: readonly number[]): Promise<Text> {
  await using decoder = await ClusterDecoder.open({
    made: { ...made, hash: await manifestHash(made.folder) },
    others: [{ url }],
    store: new ShardStore(join(made.folder, 'own')),
    threads: 1,
    cache: 'f32',
    chunkTokens: 16,
    spin: false,
    windowBytes: windows,
  });
  const sequence = decoder.sequence();
  const tokens = [5, 9, 17, 3];
  for (let i = 0; i < 8; i++) {
    const step = { text: tokens, draft: [], sampling: greedySampling, ends: new Set<number>() };
    tokens.push(...(await decoder.next(sequence, step)).tokens);
  }
  return { tokens, ranks: await decoder.report() };
}

it('gives the same text from windows as from memory, and says for each rank what its window reads', async () => {
  await using made = await temporaryPackage(randomContent('wide', wide, 4, 128));
  const should = await textOf(made);
  expect(should.ranks.map(({ window }) => window)).toEqual([null, null]);
  const { tokens, ranks } = await textOf(made, [windowBytes]);
  expect(tokens).toEqual(should.tokens);
  for (const { window, weightsBytes } of ranks) {
    expect(window?.budgetBytes).toBe(windowBytes);
    expect(window?.streamedBytes).toBeGreaterThan(weightsBytes / 4);
    expect(window?.streamedBytes).toBeLessThan(weightsBytes);
    expect(window?.openMs).toBeGreaterThan(0);
    expect(window?.readMs).toBeGreaterThan(0);
  }
});

it('gives each rank the window that is stated for it', async () => {
  await using made = await temporaryPackage(randomContent('wide', wide, 4, 128));
  const { ranks } = await textOf(made, [1e9, windowBytes]);
  expect(ranks[0]?.window).toMatchObject({ budgetBytes: 1e9, streamedBytes: 0 });
  expect(ranks[1]?.window?.streamedBytes).toBeGreaterThan(0);
});

it('names the rank whose window is too small, and refuses windows for other ranks than there are', async () => {
  await using made = await temporaryPackage(randomContent('wide', wide, 4, 128));
  await expect(textOf(made, [1e9, 1000])).rejects.toMatchObject({
    code: 'CUT_WINDOW',
    message: expect.stringContaining('Rank 1 at tcp://127.0.0.1:'),
  });
  await expect(textOf(made, [1e9, 1e9, 1e9])).rejects.toMatchObject({ code: 'CUT_USAGE' });
});
