import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { layerTensorShapes } from '../checkpoint/arrange-tensors.js';
import type { CheckpointTensor, LayerTensors } from '../checkpoint/checkpoint.js';
import { floatTensor } from '../checkpoint/float-tensor.testing.js';
import { layerContent } from '../checkpoint/layer-content.js';
import { randomNumbers } from '../decode/random-package.testing.js';
import { smallConfig } from '../package/small-decoder.testing.js';
import { runLayer } from './run-layer.js';
import { ofQueryHeads, ofValueHeads, scaledLayer } from './scaled-tensors.js';

const config = { ...smallConfig, qkvBias: true };
const random = randomNumbers(5);

function randomTensor(rows: number, columns: number): CheckpointTensor {
  return floatTensor(
    Float32Array.from({ length: rows * columns }, () => random() - 0.5),
    columns,
  );
}

const layer: LayerTensors = Object.fromEntries(
  Object.entries(layerTensorShapes(config)).map(([name, [rows, columns]]) => [name, randomTensor(rows, columns)]),
);

const factors = (length: number) => Float32Array.from({ length }, () => 0.5 + 2 * random());

async function behind(of: LayerTensors, hidden: Float32Array<ArrayBuffer>): Promise<Float32Array> {
  const folder = await mkdtemp(join(tmpdir(), 'cutpoint-layer-'));
  try {
    const content = layerContent(of, { bits: 32, block: null });
    const [found] = await runLayer({ config, layer: 1, content, windows: [hidden], folder, threads: 1 });
    return found ?? new Float32Array(0);
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('a layer whose columns are scaled', () => {
  it('computes what it did, with biases and with query heads that share values', async () => {
    const hidden = Float32Array.from({ length: 7 * config.hiddenSize }, () => random() - 0.5);
    const { hiddenSize, kvHeads, headSize, ffnSize } = config;
    const scales = {
      qkv: factors(hiddenSize),
      out: ofQueryHeads(factors(kvHeads * headSize), config),
      gateUp: factors(hiddenSize),
      down: factors(ffnSize),
    };
    const before = await behind(layer, hidden);
    const after = await behind(scaledLayer(layer, config, scales), hidden);
    expect(before.some((value) => Math.abs(value) > 0.1)).toBe(true);
    for (const [i, value] of before.entries()) expect(after[i]).toBeCloseTo(value, 4);
  });

  it('has one factor for all query heads of a value head', () => {
    const columns = Float32Array.from({ length: config.heads * config.headSize }, (_, i) => i);
    const values = ofValueHeads(columns, config);
    // Heads 0 and 1 share value head 0: elements 3 and 16 + 3.
    expect(values[3]).toBe((3 + 19) / 2);
    const spread = ofQueryHeads(values, config);
    expect([spread[3], spread[19], spread[35]]).toEqual([11, 11, values[19]]);
  });
});
