import { describe, expect, it } from 'vitest';
import { floatTensor } from '../checkpoint/float-tensor.testing.js';
import { randomNumbers } from '../decode/random-package.testing.js';
import { findScales } from './channel-scales.js';
import { InputStatistics } from './input-statistics.js';
import { OutputError } from './output-error.js';
import { dequantiseRows, quantiseRows } from './quantise-rows.js';

const random = randomNumbers(5);

describe('scales of columns', () => {
  it('lose less than none where a few columns have large inputs, by the products themselves', async () => {
    const columns = 64;
    const inputs = new InputStatistics(columns, 32, 512);
    const rows = Float32Array.from({ length: 32 * columns }, (_, i) => (random() - 0.5) * (i % 16 === 3 ? 30 : 1));
    inputs.add(rows);
    const weights = Float32Array.from({ length: 24 * columns }, () => random() - 0.5);
    const form = { bits: 4, block: 32, zeroPoints: false } as const;
    await using errors = await OutputError.open(1);
    const tensors = [floatTensor(weights, columns)];
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
