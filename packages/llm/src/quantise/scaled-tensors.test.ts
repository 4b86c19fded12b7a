import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { layerTensorShapes } from '../checkpoint/arrange-tensors.js';
import type { CheckpointTensor, LayerTensors } from '../checkpoint/checkpoint.js';
import { layerContent } from '../checkpoint/layer-content.js';
import { randomNumbers } from '../decode/random-package.testing.js';
import { smallConfig } from '../package/small-decoder.testing.js';
import { findScales } from './channel-scales.js';
import { InputStatistics } from './input-statistics.js';
import { leastLossScale } from './least-loss-scale.js';
import { OutputError } from './output-error.js';
import { dequantiseRows, quantiseRows } from './quantise-rows.js';
import { runLayer } from './run-layer.js';
import { ofQueryHeads, ofValueHeads, scaledLayer } from './scaled-tensors.js';

const config = { ...smallConfig, qkvBias: true };
const random = randomNumbers(5);

function tensorOf(values: Float32Array<ArrayBuffer>, columns: number): CheckpointTensor {
  const readRows = async (first: number, count: number) =>
    new Uint8Array(values.slice(first * columns, (first + count) * columns).buffer);
  return { name: 'random', encoding: 'f32', rows: values.length / columns, columns, plus: 0, readRows };
}

function randomTensor(rows: number, columns: number): CheckpointTensor {
  return tensorOf(
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

describe('scales of columns', () => {
  it('lose less than none where a few columns have large inputs, by the products themselves', async () => {
    const columns = 64;
    const inputs = new InputStatistics(columns, 32, 512);
    const rows = Float32Array.from({ length: 32 * columns }, (_, i) => (random() - 0.5) * (i % 16 === 3 ? 30 : 1));
    inputs.add(rows);
    const weights = Float32Array.from({ length: 24 * columns }, () => random() - 0.5);
    const form = { bits: 4, block: 32, zeroPoints: false } as const;
    await using errors = await OutputError.open(1);
    const tensors = [tensorOf(weights, columns)];
    const scales = await findScales({ tensors, form, inputs, sizes: inputs.meanSizes }, errors);
    const lossWith = (own: Float32Array) => {
      const scaled = weights.map((value, i) => value * (own[i % columns] ?? 1));
      const rounded = dequantiseRows(quantiseRows(scaled, columns, form), 24, columns, form);
      let loss = 0;
      for (let n = 0; n < 32; n++) {
        for (let row = 0; row < 24; row++) {
          let product = 0;
          for (let c = 0; c < columns; c++) {
            const at = row * columns + c;
            product += (rows[n * columns + c] ?? 0) * ((rounded[at] ?? 0) / (own[c] ?? 1) - (weights[at] ?? 0));
          }
          loss += product * product;
        }
      }
      return loss;
    };
    expect(lossWith(scales)).toBeLessThan(0.7 * lossWith(new Float32Array(columns).fill(1)));
  });
});

describe('the scale that loses least', () => {
  it('is never worse than the one that keeps the largest element, and finds multiples again', () => {
    for (const bits of [2, 4, 8] as const) {
      for (let round = 0; round < 50; round++) {
        const values = Float32Array.from({ length: 32 }, () => (random() - 0.5) ** 3);
        const importance = Float32Array.from({ length: 32 }, random);
        const form = { bits, block: 32, zeroPoints: false } as const;
        const loss = (weights?: Float32Array) =>
          dequantiseRows(quantiseRows(values, 32, form, weights), 1, 32, form).reduce(
            (sum, value, i) => sum + (importance[i] ?? 0) * (value - (values[i] ?? 0)) ** 2,
            0,
          );
        expect(loss(importance)).toBeLessThanOrEqual(loss() * 1.000001);
      }
      const exact = Float32Array.from({ length: 32 }, (_, i) => ((i % 2 ** bits) - 2 ** (bits - 1)) * 0.25);
      expect(Math.abs(leastLossScale(exact, new Float32Array(32).fill(1), bits))).toBeCloseTo(0.25, 5);
    }
    expect(leastLossScale(new Float32Array(32), new Float32Array(32).fill(1), 4)).toBe(0);
  });
});
