import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { importCheckpoint } from '../checkpoint/import-checkpoint.js';
import { perplexityOf } from '../evaluate/perplexity.js';
import { samplingOf } from '../text/sampling.js';
import { wrenFolder, wrenIsHere } from '../text/wren.testing.js';
import { type GenerateRequest, generate } from './generate.js';
import { type LanguageModel, openLanguageModel } from './language-model.js';

const goldenSchema = z.object({
  context: z.number(),
  threshold: z.number(),
  perplexity: z.number(),
  scoredTokens: z.number(),
  prompts: z.array(
    z.object({
      text: z.string(),
      promptTokens: z.array(z.number()),
      tokens: z.array(z.number()),
      margins: z.array(z.number()),
    }),
  ),
});

/** The F32 GGUF becomes the same package as the safetensors do, byte by byte: the tests of the import see to that. */
const checkpoints = [
  { source: '', bits: 32, golden: 'golden.json', leastCompared: 200 },
  // Its margins are judged by a larger threshold: an engine may round activations to 8 bits.
  { source: 'wren-7m-q4_0.gguf', bits: null, golden: 'golden-q4_0.json', leastCompared: 30 },
] as const;
/** Kernels for blocks round otherwise where they compute several tokens at once, so a draw may fall on a neighbour there. */
const drawn = [
  { source: '', sampling: samplingOf({}) },
  { source: '', sampling: samplingOf({ temperature: 0.8, topK: 40, seed: 7 }) },
  { source: 'wren-7m-q4_0.gguf', sampling: samplingOf({}) },
];

const title = `wren-7m${wrenIsHere ? '' : ' (../shared/models/lm is missing)'}`;
describe.skipIf(!wrenIsHere).each(checkpoints)(
  `${title} of $source by $golden`,
  ({ source, bits, golden: file, leastCompared }) => {
    let folder = '';
    let model: LanguageModel;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'cutpoint-wren-'));
      const made = join(folder, 'package');
      await importCheckpoint({ source: join(wrenFolder, source), folder: made, bits, block: null });
      model = await openLanguageModel(made);
    }, 60_000);

    afterAll(async () => {
      await model[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    });

    const golden = async () => goldenSchema.parse(JSON.parse(await readFile(join(wrenFolder, file), 'utf8')));

    async function tokensOf(request: GenerateRequest): Promise<number[]> {
      const tokens: number[] = [];
      for await (const next of generate(model.decoder, request)) tokens.push(...next.tokens);
      return tokens;
    }

    it('continues prompts as an independent implementation does', { timeout: 60_000 }, async () => {
      const { prompts, threshold } = await golden();
      let compared = 0;
      for (const { text, promptTokens, tokens, margins } of prompts) {
        expect(model.tokenizer.encode(text)).toEqual(promptTokens);
        const close = margins.findIndex((margin) => margin < threshold);
        const clear = tokens.slice(0, close < 0 ? tokens.length : close);
        const request = { prompt: promptTokens, maxTokens: clear.length, endTokens: [] };
        expect(await tokensOf(request)).toEqual(clear);
        compared += clear.length;
      }
      expect(compared).toBeGreaterThan(leastCompared);
    });

    it('has the perplexity that an independent implementation found', { timeout: 60_000 }, async () => {
      const { context, perplexity, scoredTokens } = await golden();
      const tokens = model.tokenizer.encode(await readFile(join(wrenFolder, 'val.txt'), 'utf8'));
      const found = await perplexityOf(model.decoder, tokens, { context });
      expect(found.tokens).toBe(scoredTokens);
      expect(Math.abs(found.perplexity / perplexity - 1)).toBeLessThan(1e-3);
    });

    it.each(drawn.filter((one) => one.source === source))(
      'says the same with drafts as without: %j',
      { timeout: 60_000 },
      async ({ sampling }) => {
        const [first] = (await golden()).prompts;
        const request = { prompt: first?.promptTokens ?? [], maxTokens: 64, endTokens: [], sampling };
        const plain = await tokensOf(request);
        expect(plain).toHaveLength(64);
        expect(await tokensOf({ ...request, draftTokens: 6 })).toEqual(plain);
      },
    );

    it('ends with the context, and refuses a prompt that is longer', { timeout: 60_000 }, async () => {
      const prompt = Array.from({ length: 250 }, (_, i) => 10 + i);
      expect(await tokensOf({ prompt, maxTokens: 100, endTokens: [] })).toHaveLength(7);
      expect(await tokensOf({ prompt, maxTokens: 100, endTokens: [], draftTokens: 6 })).toHaveLength(7);
      const long = { prompt: [...prompt, ...prompt], maxTokens: 1 };
      await expect(tokensOf(long)).rejects.toMatchObject({ code: 'CUT_INPUT' });
    });

    it('refuses windows that it cannot score', async () => {
      const { decoder } = model;
      await expect(perplexityOf(decoder, [1, 2, 3], { context: 257 })).rejects.toMatchObject({ code: 'CUT_USAGE' });
      await expect(perplexityOf(decoder, [1], { context: 16 })).rejects.toMatchObject({ code: 'CUT_INPUT' });
    });
  },
);
