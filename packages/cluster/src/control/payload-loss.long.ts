import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLog } from '@cutpoint/daemon';
import {
  createTokenizer,
  importCheckpoint,
  manifestHash,
  perplexityOf,
  readPackage,
  readTokenizerFiles,
} from '@cutpoint/llm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { wrenFolder, wrenIsHere } from '../../../llm/src/text/wren.testing.js';
import type { Payload, Topology } from '../group/rank-group.js';
import { rankSettings } from '../rank-settings.js';
import { divide } from '../shard/division.js';
import { startRank } from '../start-rank.js';
import { Formation } from './formation.js';
import type { HashedPackage } from './formation-options.js';
import { RemoteRank } from './remote-rank.js';
import { ShardStore } from './shard-store.js';

const context = 256;
let folder: string;
let made: HashedPackage;
let tokens: readonly number[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-payload-'));
  if (!wrenIsHere) return;
  const wren = join(folder, 'wren');
  await importCheckpoint({ source: wrenFolder, folder: wren, bits: 32, block: null });
  made = { folder: wren, manifest: (await readPackage(wren)).manifest, hash: await manifestHash(wren) };
  const files = await readTokenizerFiles(wren);
  const tokenizer = createTokenizer(files.tokenizer, files.config, made.manifest.config.vocabularySize);
  tokens = tokenizer.encode(await readFile(join(wrenFolder, 'val.txt'), 'utf8')).slice(0, 24 * context);
});
afterAll(() => rm(folder, { recursive: true }));

/** Of the validation text, by ranks in this process. */
async function perplexityWith(ranks: number, topology: Topology, payload: Payload): Promise<number> {
  const settings = rankSettings.parse({ listen: 'tcp://127.0.0.1:0', shards: join(folder, 'shards') });
  const log = openLog({ name: 'rank', level: 'silent', format: 'json' });
  const hosts = await Promise.all(Array.from({ length: ranks - 1 }, () => startRank(settings, { log })));
  const others = await Promise.all(hosts.map(({ url }) => RemoteRank.connect({ url })));
  try {
    const shares = Array.from({ length: ranks }, () => 1);
    await using formation = await Formation.form(others, {
      made,
      division: divide(made.manifest.config, shares, 16),
      store: new ShardStore(join(folder, 'shards')),
      threads: 1,
      cache: 'f32',
      chunkTokens: 256,
      spin: false,
      rules: [{ mostBytes: Number.POSITIVE_INFINITY, topology, payload }],
    });
    return (await perplexityOf(formation.decoder, tokens, { context })).perplexity;
  } finally {
    for (const other of others) await other[Symbol.asyncDispose]();
    for (const host of hosts) await host.close();
  }
}

const missing = wrenIsHere ? '' : ' (../shared/models/lm is missing)';
describe.skipIf(!wrenIsHere)(`sums of wren-7m in fewer bytes${missing}`, () => {
  it('cost next to nothing in halves, and less than half a percent of perplexity in 8 bits', async () => {
    const exact = await perplexityWith(2, 'mesh', 'f32');
    for (const [ranks, topology, payload, most] of [
      [2, 'mesh', 'f16', 0.0005],
      [2, 'mesh', 'i8', 0.005],
      [4, 'mesh', 'i8', 0.005],
      [4, 'ring', 'i8', 0.005],
      [4, 'star', 'i8', 0.005],
    ] as const) {
      const found = await perplexityWith(ranks, topology, payload);
      expect(Math.abs(found / exact - 1)).toBeLessThan(most);
    }
  });
});
