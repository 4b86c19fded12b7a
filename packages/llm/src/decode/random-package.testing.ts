import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DecoderConfig } from '../architecture/decoder-config.js';
import type { PackageManifest } from '../package/package-manifest.js';
import { readPackage } from '../package/read-package.js';
import { layerShapes } from '../package/required-weights.js';
import type { PartContent, WeightContent } from '../package/weight-content.js';
import { type PackageContent, writePackage } from '../package/write-package.js';

/** A package in a folder of its own, removed when disposed. */
export interface TemporaryPackage extends AsyncDisposable {
  readonly folder: string;
  readonly manifest: PackageManifest;
}

/** Writes a package for a test. */
export async function temporaryPackage(content: PackageContent): Promise<TemporaryPackage> {
  const parent = await mkdtemp(join(tmpdir(), 'cutpoint-llm-'));
  const folder = join(parent, 'package');
  await writePackage(folder, content, {});
  const { manifest } = await readPackage(folder);
  return {
    folder,
    manifest,
    async [Symbol.asyncDispose]() {
      await rm(parent, { recursive: true, force: true });
    },
  };
}

/** Numbers in [0, 1), the same for the same seed. */
export function randomNumbers(seed: number): () => number {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Random f32 weights for a small decoder. Norms and biases are random too, so that a forgotten one is noticed. */
export function randomFloats(config: DecoderConfig, seed: number): PackageContent {
  const random = randomNumbers(seed);
  const weight = (shape: readonly number[]): WeightContent => {
    const [rows = 0, columns] = shape;
    const [middle, width] = columns === undefined ? [1, 0.5] : [0, 2 * Math.sqrt(3 / columns)];
    const values = Float32Array.from({ length: rows * (columns ?? 1) }, () => middle + width * (random() - 0.5));
    const none = new Uint8Array(0);
    const piece = { values: new Uint8Array(values.buffer), scales: none, zeroPoints: none };
    return { form: { kind: 'float', dtype: 'f32', shape }, pieces: () => [piece] };
  };
  const part = (shapes: Readonly<Record<string, readonly number[]>>): PartContent<string> =>
    Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, weight(shape)]));
  const table = [config.vocabularySize, config.hiddenSize];
  return {
    name: 'random',
    checkpoint: '0'.repeat(64),
    config,
    embedding: part({ table }),
    layers: Array.from({ length: config.layers }, () => part(layerShapes(config))),
    head: part({ norm: [config.hiddenSize], matrix: table }),
    tokenizer: [],
  };
}
