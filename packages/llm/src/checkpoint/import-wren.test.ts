import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Tokenizer } from '@huggingface/tokenizers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { modelIdentity } from '../package/model-identity.js';
import { floatsOf, relativeError } from '../package/package-floats.testing.js';
import type { PackageManifest } from '../package/package-manifest.js';
import { readPackage, verifyFiles } from '../package/read-package.js';
import { importCheckpoint } from './import-checkpoint.js';
import type { WidthRequest } from './widths.js';

const wren = fileURLToPath(new URL('../../../../../shared/models/lm/wren-7m', import.meta.url));
const missing = !existsSync(wren);

describe.skipIf(missing)(`wren-7m${missing ? ' (../shared/models/lm is missing)' : ''}`, () => {
  let folder: string;
  let whole: PackageManifest;

  const into = async (name: string, source: string, width: Partial<WidthRequest> = {}) =>
    await importCheckpoint({ source, folder: join(folder, name), bits: null, block: null, ...width });

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'import-'));
    whole = await into('f32', wren, { bits: 32 });
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  it('is the same model as its GGUF file in floats, so that both may be sides of a cut', async () => {
    const gguf = await into('gguf-f32', join(wren, 'wren-7m-f32.gguf'));
    expect(modelIdentity(gguf)).toBe(modelIdentity(whole));
  });

  it('is not read from a package, from one of its files or from nowhere, which is said in words', async () => {
    await expect(into('x', join(folder, 'f32'))).rejects.toThrow(/is a package already/);
    await expect(into('x', join(wren, 'model.safetensors'))).rejects.toThrow(/name the folder that it is in/);
    await expect(into('x', 'meta-llama/Llama-3.2-1B')).rejects.toThrow(/nothing is downloaded/);
  });

  it('is the decoder that its config.json describes', async () => {
    expect(whole.name).toBe('wren-7m');
    expect(whole.config).toEqual({
      family: 'llama',
      layers: 8,
      hiddenSize: 256,
      heads: 8,
      kvHeads: 4,
      headSize: 32,
      ffnSize: 768,
      vocabularySize: 2048,
      contextTokens: 256,
      normEpsilon: 1e-5,
      activation: 'silu',
      attentionScale: 32 ** -0.5,
      embeddingScale: 1,
      ropes: [{ theta: 10_000, scaling: { kind: 'none' } }],
      attention: Array(8).fill({ rope: 0, windowTokens: null }),
      qkvBias: false,
      outBias: false,
      qkNorm: false,
      postNorms: false,
      tiedEmbeddings: false,
      beginToken: 1,
      endTokens: [2],
    });
    const read = await readPackage(join(folder, 'f32'));
    expect(read.manifest).toEqual(whole);
    await verifyFiles(read);
  });

  it('has the same weights from its GGUF file of floats, whose queries and keys are in another order', async () => {
    const { sha256s, config } = facts(await into('gguf', join(wren, 'wren-7m-f32.gguf')));
    expect(sha256s).toEqual(facts(whole).sha256s);
    expect({ ...config, normEpsilon: 1e-5 }).toEqual(whole.config);
    expect(config.normEpsilon).toBeCloseTo(1e-5, 10);
  });

  it('keeps the blocks of its Q4_0 file, and the floats beside them', async () => {
    const kept = await into('q4_0', join(wren, 'wren-7m-q4_0.gguf'));
    const [layer, exact] = [kept.layers[3], whole.layers[3]];
    if (layer === undefined || exact === undefined) throw new Error('there are eight layers');
    expect(layer.weights.qkv).toMatchObject({ kind: 'blocks', bits: 4, block: 32, zeroPoints: null });
    expect(kept.head.sha256).toBe(whole.head.sha256);
    expect(kept.embedding.sha256).toBe(whole.embedding.sha256);
    for (const name of ['qkv', 'out', 'gateUp', 'down']) {
      const at = (manifest: string, part: typeof layer) => floatsOf(join(folder, manifest), part, name);
      const error = relativeError(at('q4_0', layer), at('f32', exact));
      // A misplaced row or element would be off by more than the weights themselves.
      expect(error).toBeGreaterThan(0.01);
      expect(error).toBeLessThan(0.1);
    }
    // The same numbers as floats, and in 8 bits.
    const wide = await into('q4_0-f32', join(wren, 'wren-7m-q4_0.gguf'), { bits: 32 });
    const floats = floatsOf(join(folder, 'q4_0-f32'), wide.layers[3] ?? layer, 'qkv');
    expect(relativeError(floatsOf(join(folder, 'q4_0'), layer, 'qkv'), floats)).toBe(0);
    const eight = await into('q4_0-8', join(wren, 'wren-7m-q4_0.gguf'), { bits: 8 });
    expect(eight.layers[3]?.weights.qkv).toMatchObject({ kind: 'blocks', bits: 8, block: 32 });
    expect(relativeError(floatsOf(join(folder, 'q4_0-8'), eight.layers[3] ?? layer, 'qkv'), floats)).toBe(0);
  });

  it.each([
    [2, 64, 0.5],
    [4, 128, 0.12],
    [8, 32, 0.008],
  ] as const)('is stored in %i bits with blocks of %i', async (bits, block, most) => {
    const name = `b${bits}`;
    const small = await into(name, wren, { bits, block });
    const [layer, exact] = [small.layers[7], whole.layers[7]];
    if (layer === undefined || exact === undefined) throw new Error('there are eight layers');
    expect(layer.weights.down).toMatchObject({ kind: 'blocks', bits, block });
    expect(small.embedding.weights.table).toMatchObject({ kind: 'blocks', bits: 8, zeroPoints: null });
    expect(small.head.weights.matrix).toMatchObject({ kind: 'blocks', bits: Math.max(4, bits) });
    expect(small.head.weights.norm).toMatchObject({ kind: 'float', dtype: 'f32' });
    const down = (at: string, part: typeof layer) => floatsOf(join(folder, at), part, 'down');
    const error = relativeError(down(name, layer), down('f32', exact));
    expect(error).toBeLessThan(most);
    expect(error).toBeGreaterThan(most / 4);
  });

  it('gives each layer the width that a file states', async () => {
    const layerBits = { layers: [8, 8, 4, 4, 4, 2, 16, 32], head: 8 } as const;
    const mixed = await importCheckpoint({
      source: wren,
      folder: join(folder, 'mixed'),
      bits: 4,
      block: 64,
      layerBits,
    });
    const widths = mixed.layers.map(({ weights: { out } }) => (out?.kind === 'blocks' ? out.bits : out?.dtype));
    expect(widths).toEqual([8, 8, 4, 4, 4, 2, 'f16', 'f32']);
    expect(mixed.head.weights.matrix).toMatchObject({ bits: 8 });
    const few = { layers: [4, 4] } as const;
    const refused = importCheckpoint({ source: wren, folder: join(folder, 'few'), bits: 4, block: 64, layerBits: few });
    await expect(refused).rejects.toThrow(/has 8 layers, but widths are given for 2/);
  });

  it('gives layers before a cut one width and those behind it another', async () => {
    const layerBits = { cut: 3, front: 4, back: 8 } as const;
    const request = { source: wren, bits: null, block: null };
    const made = await importCheckpoint({ ...request, folder: join(folder, 'opsc'), layerBits });
    const widths = made.layers.map(({ weights: { out } }) => (out?.kind === 'blocks' ? out.bits : out?.dtype));
    expect(widths).toEqual([4, 4, 4, 8, 8, 8, 8, 8]);
    expect(made.embedding.weights.table).toMatchObject({ bits: 8 });
    expect(made.head.weights.matrix).toMatchObject({ bits: 8 });
    const beyond = { ...request, folder: join(folder, 'beyond'), layerBits: { ...layerBits, cut: 9 } };
    await expect(importCheckpoint(beyond)).rejects.toMatchObject({ code: 'CUT_USAGE' });
  });

  it('calibrates neither floats that stay floats nor what is rounded already', async () => {
    const calibration = { text: 'In the beginning God created the heaven and the earth.' };
    const refused = (source: string, bits: 4 | 32) =>
      importCheckpoint({ source, folder: join(folder, 'refused'), bits, block: null, calibration }).catch(String);
    expect(await refused(wren, 32)).toMatch(/Nothing is rounded at these widths/);
    expect(await refused(join(wren, 'wren-7m-q4_0.gguf'), 4)).toMatch(/rounded already/);
    expect(readdirSync(folder).filter((name) => name.startsWith('refused'))).toEqual([]);
  });

  it('has the same token ids from the tokenizer of its GGUF file as from tokenizer.json', async () => {
    const read = (at: string) => {
      const json = (file: string): object => JSON.parse(readFileSync(join(folder, at, file), 'utf8'));
      return new Tokenizer(json('tokenizer.json'), json('tokenizer_config.json'));
    };
    const text = readFileSync(join(wren, 'val.txt'), 'utf8').slice(0, 20_000);
    const own = read('f32').encode(text).ids;
    const fromGguf = read('gguf');
    expect(fromGguf.encode(text).ids).toEqual(own);
    expect(own[0]).toBe(1);
    expect(fromGguf.decode([...own], { skip_special_tokens: true })).toBe(text);
  });
});

function facts({ config, embedding, layers, head }: PackageManifest) {
  return { config, sha256s: [embedding, ...layers, head].map(({ sha256 }) => sha256) };
}
