import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLog } from '@cutpoint/daemon';
import { manifestHash, randomContent } from '@cutpoint/llm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TemporaryPackage, temporaryPackage } from '../../../llm/src/decode/random-package.testing.js';
import { smallConfig } from '../../../llm/src/package/small-decoder.testing.js';
import { makeCertificate } from '../../../wire/src/certificates.testing.js';
import { rankSettings } from '../rank-settings.js';
import { startRank } from '../start-rank.js';
import { ClusterDecoder } from './cluster-decoder.js';
import type { RankEndpoint } from './remote-rank.js';
import { requireCores } from './require-cores.js';
import { ShardStore } from './shard-store.js';

const log = openLog({ name: 'rank', level: 'silent', format: 'json' });

let folder: string;
let made: TemporaryPackage;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'connect-failure-'));
  made = await temporaryPackage(randomContent('small', smallConfig, 4, 32));
});
afterAll(async () => {
  await made[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

async function open(rank: RankEndpoint, threads = 1): Promise<ClusterDecoder> {
  return await ClusterDecoder.open({
    made: { ...made, hash: await manifestHash(made.folder) },
    others: [rank],
    store: new ShardStore(join(folder, 'own')),
    threads,
    cache: 'f32',
    chunkTokens: 16,
    spin: false,
  });
}

describe('a rank that cannot be one', () => {
  it('is missing where nobody answers, with what to start there', async () => {
    await expect(open({ url: 'tcp://127.0.0.1:9' })).rejects.toMatchObject({
      code: 'CUT_RANK_MISSING',
      message: expect.stringMatching(/^Rank 1 at tcp:\/\/127\.0\.0\.1:9: .*Start `cutpoint cluster join` there/),
    });
  });

  it('is named with the flag of its token, or of its authority, where these are wrong', async () => {
    const { cert, key } = await makeCertificate();
    const [tlsCert, tlsKey, tokenFile] = ['cert.pem', 'key.pem', 'token'].map((name) => join(folder, name));
    if (tlsCert === undefined || tlsKey === undefined || tokenFile === undefined) throw new Error('A path is missing.');
    await writeFile(tlsCert, cert);
    await writeFile(tlsKey, key, { mode: 0o600 });
    await writeFile(tokenFile, 'a token of 16 or more characters', { mode: 0o600 });
    const settings = { listen: 'tcps://127.0.0.1:0', shards: join(folder, 'others'), tlsCert, tlsKey, tokenFile };
    const rank = await startRank(rankSettings.parse(settings), { log });
    try {
      await expect(open({ url: rank.url })).rejects.toMatchObject({
        code: 'CUT_TLS',
        message: expect.stringContaining('--ca'),
      });
      await expect(open({ url: rank.url, tls: { ca: cert }, token: 'another' })).rejects.toMatchObject({
        code: 'CUT_UNAUTHORISED',
        message: expect.stringContaining('--token-file'),
      });
    } finally {
      await rank.close();
    }
  });

  it('says how many threads it has cores for', async () => {
    const settings = { listen: 'tcp://127.0.0.1:0', shards: join(folder, 'others') };
    const rank = await startRank(rankSettings.parse(settings), { log });
    const threads = availableParallelism() + 1;
    try {
      await expect(open({ url: rank.url }, threads)).rejects.toMatchObject({
        code: 'CUT_USAGE',
        message: expect.stringContaining(`Rank 1 at ${rank.url}: --threads is ${threads}, but this machine has`),
      });
    } finally {
      await rank.close();
    }
    expect(() => requireCores(threads)).toThrow(/state \d+ at most/);
    expect(() => requireCores(threads - 1)).not.toThrow();
  });
});
