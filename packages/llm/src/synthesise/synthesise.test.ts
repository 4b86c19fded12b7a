import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { weightBits } from '../checkpoint/widths.js';
import { floatsOf } from '../package/package-floats.testing.js';
import { readPackage, verifyFiles } from '../package/read-package.js';
import { smallConfig } from '../package/small-decoder.testing.js';
import { packageBytes, writePackage } from '../package/write-package.js';
import { decoderOfShape, shapeNames } from './known-shapes.js';
import { randomContent } from './synthesise.js';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'synth-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

/** Large enough for means to be steady. */
const config = { ...smallConfig, hiddenSize: 256, ffnSize: 512, vocabularySize: 512 };

describe('a package of random weights', () => {
  it.each(weightBits.filter((bits) => bits !== 16))(
    'in %i bits is complete and keeps the size of activations',
    async (bits) => {
      const at = join(folder, 'random');
      const manifest = await writePackage(at, randomContent('random', config, bits, 64));
      await verifyFiles(await readPackage(at));
      const [layer] = manifest.layers;
      if (layer === undefined) throw new Error('there are two layers');
      const weights = floatsOf(at, layer, 'down');
      const meanSquare = weights.reduce((sum, value) => sum + value * value, 0) / weights.length;
      // Codes of 2 bits lie from -2 to 1, half a step off the middle.
      expect(meanSquare * config.ffnSize).toBeGreaterThan(0.9);
      expect(meanSquare * config.ffnSize).toBeLessThan(1.35);
      expect(new Set(weights).size).toBeGreaterThanOrEqual(Math.min(2 ** bits, 200));
      expect([...floatsOf(at, layer, 'ffnNorm')]).toEqual(Array(256).fill(1));
    },
  );

  it('has the same bytes each time, and others in each weight', async () => {
    const write = async (name: string) => await writePackage(join(folder, name), randomContent('r', config, 4, 128));
    const [first, second] = [await write('a'), await write('b')];
    expect(second).toEqual(first);
    expect(first.layers[0]?.sha256).not.toBe(first.layers[1]?.sha256);
  });
});

describe('the shapes', () => {
  it('have as many weights as the models they are named after', () => {
    const billions = shapeNames.map((name) => {
      const shape = decoderOfShape(name);
      // A tied matrix is stored twice and is one weight.
      const tied = shape.tiedEmbeddings ? shape.vocabularySize * shape.hiddenSize : 0;
      return (packageBytes(randomContent(name, shape, 32, 128)) / 4 - tied) / 1e9;
    });
    expect(Object.fromEntries(shapeNames.map((name, i) => [name, Number(billions[i]?.toFixed(2))]))).toEqual({
      'smollm2-360m': 0.36,
      'tinyllama-1.1b': 1.1,
      'llama-3.2-1b': 1.24,
      'llama-3-8b': 8.03,
      'llama-2-13b': 13.02,
      'llama-2-70b': 68.98,
    });
  });
});
