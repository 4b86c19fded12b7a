// Our side of `cutpoint bench cluster`, a child process as its peers are. Arguments: the package, ranks, the folder of shards,
// and where links are emulated the delay of one way in ms and the rate in Mbit/s.
import { ClusterDecoder, type RankAddress, ShardStore, usualChunkTokens } from '@cutpoint/cluster';
import { CutpointError, messageOf } from '@cutpoint/core';
import { greedySampling, manifestHash, readPackage } from '@cutpoint/llm';
import { openProxyLink } from '@cutpoint/testbed';
import { startLocalRanks } from '../cluster/local-ranks.js';
import type { EngineRound, RoundRequest } from './llm-engine.js';

const [folder = '', count = '2', shards = '', delayMs, rateMbit] = process.argv.slice(2);
const ranks = Number(count);
const { signal } = new AbortController();
const { manifest } = await readPackage(folder);
const others = await startLocalRanks(ranks - 1, { shards, pins: true, windows: false, signal });

/** A link between two ranks that is slower than this machine's own. */
async function throughLink(address: RankAddress): Promise<RankAddress> {
  const direction = { rateMbit: Number(rateMbit), delayMs: Number(delayMs), jitterMs: 0, lossPct: 0 };
  const target = `tcp://${address.host}:${address.port}`;
  const { url } = await openProxyLink({ target, parameters: { up: direction, down: direction } });
  return { host: '127.0.0.1', port: Number(new URL(url).port) };
}

const decoder = await ClusterDecoder.open({
  made: { folder, manifest, hash: await manifestHash(folder) },
  others: others.processes.map(({ url }) => ({ url })),
  store: new ShardStore(shards),
  threads: 1,
  cache: 'f32',
  chunkTokens: usualChunkTokens,
  spin: true,
  ...(delayMs !== undefined && { route: (_from: number, _to: number, address: RankAddress) => throughLink(address) }),
});

let seed = 1;
function randomTokens(tokens: number): number[] {
  return Array.from({ length: tokens }, () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return 300 + (seed % (manifest.config.vocabularySize - 300));
  });
}

/** A text of random tokens. */
class Text {
  readonly #sequence = decoder.sequence();
  readonly #tokens: number[] = [];

  async timed(tokens: number): Promise<number> {
    this.#tokens.push(...randomTokens(tokens));
    const step = { text: this.#tokens, draft: [], sampling: greedySampling, ends: new Set<number>() };
    const from = performance.now();
    await decoder.next(this.#sequence, step);
    return performance.now() - from;
  }

  async decode(tokens: number): Promise<number[]> {
    const times: number[] = [];
    for (let i = 0; i <= tokens; i++) times.push(await this.timed(1));
    return times.slice(1);
  }

  [Symbol.dispose](): void {
    decoder.drop(this.#sequence);
  }
}

async function round({ shortTokens, promptTokens, longTokens, decodeTokens }: RoundRequest): Promise<EngineRound> {
  using short = new Text();
  await short.timed(shortTokens);
  const shortDecodeMs = await short.decode(decodeTokens);
  using long = new Text();
  const prefillMs = await long.timed(promptTokens);
  await long.timed(longTokens - promptTokens);
  const longDecodeMs = await long.decode(decodeTokens);
  return { shortDecodeMs, prefillMs, longDecodeMs, residentBytes: process.memoryUsage().rss, cacheBytes: null };
}

const send = process.send?.bind(process);
if (send === undefined) {
  throw new CutpointError('CUT_INTERNAL', 'This script is started by `cutpoint bench cluster` only.');
}
process.on('disconnect', () => {
  void (async () => {
    await others[Symbol.asyncDispose]();
    process.exit(0);
  })();
});
process.on('message', (message: RoundRequest) => {
  round(message).then(
    (figures) => send(figures),
    (thrown: unknown) => send({ error: messageOf(thrown) }),
  );
});
send({ ready: true });
