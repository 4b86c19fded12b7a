import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { importCheckpoint } from '../checkpoint/import-checkpoint.js';
import { createTokenizer } from '../text/tokenizer.js';
import { readTokenizerFiles } from '../text/tokenizer-files.js';
import { wrenFolder, wrenIsHere } from '../text/wren.testing.js';
import { Decoder } from './decoder.js';
import { generateGreedy } from './generate-greedy.js';

const goldenSchema = z.object({
  context: z.number(),
  threshold: z.number(),
  perplexity: z.number(),
  scoredTokens: z.number(),
  prompts: z.array(
    z.object({ promptTokens: z.array(z.number()), tokens: z.array(z.number()), margins: z.array(z.number()) }),
  ),
});

describe.skipIf(!wrenIsHere)(`wren-7m${wrenIsHere ? '' : ' (../shared/models/lm is missing)'}`, () => {
  let folder = '';
  let decoder: Decoder;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cutpoint-wren-'));
    const made = join(folder, 'package');
    const manifest = await importCheckpoint({ source: wrenFolder, folder: made, bits: 32, block: null });
    decoder = await Decoder.open(made, manifest);
  });

  afterAll(async () => {
    await decoder[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  it('continues prompts as an independent implementation does', async () => {
    const { prompts, threshold } = await golden();
    let compared = 0;
    for (const { promptTokens, tokens, margins } of prompts) {
      const close = margins.findIndex((margin) => margin < threshold);
      const clear = tokens.slice(0, close < 0 ? tokens.length : close);
      const given: number[] = [];
      const options = { maxTokens: clear.length, endTokens: [] };
      for await (const token of generateGreedy(decoder, promptTokens, options)) given.push(token);
      expect(given).toEqual(clear);
      compared += clear.length;
    }
    expect(compared).toBeGreaterThan(200);
  });

  it('has the perplexity that an independent implementation found', async () => {
    const { context, perplexity, scoredTokens } = await golden();
    const files = await readTokenizerFiles(wrenFolder);
    const { vocabularySize } = decoder.layers.config;
    const tokenizer = createTokenizer(files.tokenizer, files.config, vocabularySize);
    const tokens = tokenizer.encode(await readFile(join(wrenFolder, 'val.txt'), 'utf8'));
    let [surprise, scored] = [0, 0];
    for (let from = 0; from < tokens.length; from += context) {
      const window = tokens.slice(from, from + context);
      const sequence = decoder.layers.sequence();
      const logits = await decoder.logits(sequence, window, { logits: 'all' });
      decoder.layers.drop(sequence);
      const size = logits.length / window.length;
      for (let i = 1; i < window.length; i++) {
        surprise += surpriseOf(logits.subarray((i - 1) * size, i * size), window[i] ?? 0);
        scored += 1;
      }
    }
    expect(scored).toBe(scoredTokens);
    expect(Math.abs(Math.exp(surprise / scored) / perplexity - 1)).toBeLessThan(1e-3);
  });
});

async function golden() {
  return goldenSchema.parse(JSON.parse(await readFile(join(wrenFolder, 'golden.json'), 'utf8')));
}

function surpriseOf(logits: Float32Array, token: number): number {
  let [most, all] = [Number.NEGATIVE_INFINITY, 0];
  for (const logit of logits) if (logit > most) most = logit;
  for (const logit of logits) all += Math.exp(logit - most);
  return Math.log(all) + most - (logits[token] ?? 0);
}
