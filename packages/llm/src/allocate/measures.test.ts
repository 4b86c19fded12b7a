import { describe, expect, it } from 'vitest';
import { floatTensor } from '../checkpoint/float-tensor.testing.js';
import { outlierShare } from './outlier-share.js';
import { meanCosine, relativeError } from './similarity.js';

const tensor = (rows: readonly (readonly number[])[]) =>
  floatTensor(Float32Array.from(rows.flat()), rows[0]?.length ?? 0);

describe('what is measured of a layer', () => {
  it('is how like what goes in and comes out are, as a mean over tokens', () => {
    const before = [Float32Array.of(1, 0, 0, 1), Float32Array.of(3, 4)];
    const behind = [Float32Array.of(2, 0, 1, 0), Float32Array.of(-3, -4)];
    expect(meanCosine(before, behind, 2)).toBeCloseTo((1 + 0 - 1) / 3, 12);
  });

  it('is how far rounded results are off', () => {
    expect(relativeError([Float32Array.of(3, 4)], [Float32Array.of(3, 5)])).toBeCloseTo(1 / 25, 12);
  });

  it('is the share of weights that stand out above all of its matrices', async () => {
    // Mean 1, deviation 3: the 10 alone is above 4.
    const query = tensor([
      [0, 0, 0],
      [0, 0, 0],
    ]);
    const down = tensor([[0, 0, 0, 10]]);
    expect(await outlierShare({ query, down })).toBeCloseTo(1 / 10, 12);
  });
});
