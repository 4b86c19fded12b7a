// Our side of `cutpoint bench llm`, a child process as its peer is one. Arguments: the package, threads.
import { CutpointError, messageOf } from '@cutpoint/core';
import { Decoder, readPackage } from '@cutpoint/llm';
import type { EngineRound, RoundRequest } from './llm-engine.js';

const [folder = '', threads = '1'] = process.argv.slice(2);
const { manifest } = await readPackage(folder);
const decoder = await Decoder.open(folder, manifest, { threads: Number(threads) });

let seed = 1;
function randomTokens(count: number): number[] {
  return Array.from({ length: count }, () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return 300 + (seed % (manifest.config.vocabularySize - 300));
  });
}

async function timed(sequence: number, tokens: number): Promise<number> {
  const text = randomTokens(tokens);
  const from = performance.now();
  await decoder.logits(sequence, text);
  return performance.now() - from;
}

async function decode(sequence: number, tokens: number): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i <= tokens; i++) times.push(await timed(sequence, 1));
  return times.slice(1);
}

async function round({ shortTokens, promptTokens, longTokens, decodeTokens }: RoundRequest): Promise<EngineRound> {
  const short = decoder.sequence();
  await timed(short, shortTokens);
  const shortDecodeMs = await decode(short, decodeTokens);
  decoder.drop(short);
  const long = decoder.sequence();
  const prefillMs = await timed(long, promptTokens);
  await timed(long, longTokens - promptTokens);
  const longDecodeMs = await decode(long, decodeTokens);
  const { cacheBytes } = decoder.layers;
  decoder.drop(long);
  return { shortDecodeMs, prefillMs, longDecodeMs, residentBytes: process.memoryUsage().rss, cacheBytes };
}

const send = process.send?.bind(process);
if (send === undefined) throw new CutpointError('CUT_INTERNAL', 'This script is started by `cutpoint bench llm` only.');
process.on('disconnect', () => process.exit(0));
process.on('message', (message: RoundRequest) => {
  round(message).then(
    (figures) => send(figures),
    (thrown: unknown) => send({ error: messageOf(thrown) }),
  );
});
send({ ready: true });
