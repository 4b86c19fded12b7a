import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importCheckpoint } from '../checkpoint/import-checkpoint.js';
import { Decoder } from '../decode/decoder.js';
import { decoderOfShape } from './known-shapes.js';
import { writeRandomGguf } from './random-gguf.js';

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
  vocabularySize: 300,
  contextTokens: 64,
};

describe('a GGUF file of random weights', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cutpoint-gguf-'));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  it('is a model that can be imported and run', { timeout: 20_000 }, async () => {
    const path = join(folder, 'random.gguf');
    await writeRandomGguf(path, config);
    const made = join(folder, 'package');
    const manifest = await importCheckpoint({ source: path, folder: made, bits: null, block: null });
    const { layers, hiddenSize, heads, kvHeads, headSize, ffnSize, vocabularySize, contextTokens } = manifest.config;
    expect({ layers, hiddenSize, heads, kvHeads, headSize, ffnSize, vocabularySize, contextTokens }).toEqual({
      layers: 2,
      hiddenSize: 64,
      heads: 4,
      kvHeads: 2,
      headSize: 16,
      ffnSize: 96,
      vocabularySize: 300,
      contextTokens: 64,
    });
    await using decoder = await Decoder.open(made, manifest);
    const logits = await decoder.logits(decoder.sequence(), [1, 260, 270]);
    expect(logits).toHaveLength(300);
    expect(logits.every(Number.isFinite)).toBe(true);
    expect(new Set(logits).size).toBeGreaterThan(100);
  });

  it('does not overwrite a file', async () => {
    const path = join(folder, 'twice.gguf');
    await writeRandomGguf(path, config);
    await expect(writeRandomGguf(path, config)).rejects.toMatchObject({ code: 'CUT_FILE_WRITE' });
  });
});
