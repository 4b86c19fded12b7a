import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decoderOfShape, randomContent, writePackage } from '@cutpoint/llm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LlmEngine } from './llm-engine.js';

const known = decoderOfShape('tinyllama-1.1b');
const config = {
  ...known,
  layers: 2,
  attention: known.attention.slice(0, 2),
  hiddenSize: 64,
  heads: 4,
  kvHeads: 2,
  headSize: 16,
  ffnSize: 96,
  vocabularySize: 400,
  contextTokens: 64,
};
const own = fileURLToPath(new URL('../../dist/bench/llm-own.js', import.meta.url));
const request = { shortTokens: 4, promptTokens: 16, longTokens: 30, decodeTokens: 5 };
const never = new AbortController().signal;

describe('an engine in a process of its own', { timeout: 20_000 }, () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cutpoint-engine-'));
    await writePackage(join(folder, 'package'), randomContent('tiny', config, 4, 32), {});
  });
  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  it('measures rounds one after the other', async () => {
    await using engine = await LlmEngine.start('cutpoint', own, [join(folder, 'package'), '1'], never);
    for (let i = 0; i < 2; i++) {
      const { shortDecodeMs, longDecodeMs, prefillMs, cacheBytes } = await engine.round(request, never);
      expect(shortDecodeMs).toHaveLength(5);
      expect(longDecodeMs).toHaveLength(5);
      expect(prefillMs).toBeGreaterThan(0);
      expect(cacheBytes).toBeGreaterThanOrEqual(2 * 2 * 2 * 16 * 4 * 36);
    }
  });

  it('says what failed', async () => {
    await using engine = await LlmEngine.start('cutpoint', own, [join(folder, 'package'), '1'], never);
    const failing = engine.round({ ...request, promptTokens: 100 }, never);
    await expect(failing).rejects.toMatchObject({ code: 'CUT_RUN', message: expect.stringMatching(/takes 64/) });
  });

  it('ends with the caller who waits for it', async () => {
    const script = join(folder, 'silent.mjs');
    await writeFile(script, 'setInterval(() => {}, 1000);');
    const signal = AbortSignal.timeout(300);
    await expect(LlmEngine.start('silent', script, [], signal)).rejects.toThrow();
  });

  it('is told of a script that ends at once', async () => {
    const script = join(folder, 'ends.mjs');
    await writeFile(script, '');
    await expect(LlmEngine.start('brief', script, [], never)).rejects.toMatchObject({ code: 'CUT_LOAD' });
  });
});
