import { defectOf, multiply, transposeOf } from './matrix.js';
import type { Extent, TransformTable } from './table.js';

/** The mean taken away, channels rotated into components and maps into frequencies; and the way back. In binary64. */
export interface Transform {
  /** Coefficients of one sample, component by component, in units of the table's numbers. */
  forward(values: Float64Array, extent: Extent): Float64Array;
  /** The sample of quantised coefficients. */
  inverse(coefficients: Int32Array, step: number, extent: Extent): Float64Array;
  /**
   * At most this is the root of the sum of squared errors, if each coefficient of a sample is within half a step and the
   * sample, its mean taken away, has this norm: the matrices are orthonormal only up to rounding.
   */
  errorOf(step: number, extent: Extent, norm: number): number;
}

type Shape = Pick<TransformTable, 'mean' | 'rotation' | 'spatial'>;

/** @param shape the numbers of a table that say which transform it is. */
export function transformOf({ mean, rotation, spatial }: Shape): Transform {
  const channels = mean.length;
  const height = Math.round(Math.sqrt(spatial?.vertical.length ?? 1));
  const width = Math.round(Math.sqrt(spatial?.horizontal.length ?? 1));
  const square = (matrix: Float32Array | undefined, size: number) =>
    matrix === undefined
      ? undefined
      : {
          size,
          ahead: transposeOf(matrix, size, size),
          back: Float64Array.from(matrix),
          defect: defectOf(matrix, size),
        };
  const ofChannels = square(rotation, channels);
  const vertical = square(spatial?.vertical, height);
  const horizontal = square(spatial?.horizontal, width);
  return {
    forward(values, extent) {
      const positions = extent.height * extent.width;
      const centred = new Float64Array(values.length);
      for (let c = 0, i = 0; c < channels; c++) {
        const own = mean[c] ?? 0;
        for (let p = 0; p < positions; p++, i++) centred[i] = (values[i] as number) - own;
      }
      let out = centred;
      if (ofChannels !== undefined) {
        out = new Float64Array(values.length);
        multiply(out, ofChannels.ahead, centred, { rows: channels, inner: channels, columns: positions });
      }
      if (vertical !== undefined && horizontal !== undefined) eachMap(out, extent, vertical.ahead, horizontal.back);
      return out;
    },
    inverse(coefficients, step, extent) {
      const positions = extent.height * extent.width;
      const out = new Float64Array(coefficients.length);
      if (ofChannels === undefined) for (let i = 0; i < out.length; i++) out[i] = (coefficients[i] as number) * step;
      else spread(out, ofChannels.back, coefficients, step, channels, positions);
      if (vertical !== undefined && horizontal !== undefined) eachMap(out, extent, vertical.back, horizontal.ahead);
      for (let c = 0, i = 0; c < channels; c++) {
        const own = mean[c] ?? 0;
        for (let p = 0; p < positions; p++, i++) out[i] = (out[i] as number) + own;
      }
      return out;
    },
    errorOf(step, extent, norm) {
      // |M| <= sqrt(1 + defect) for each matrix M; the product of all is off by at most the product of these, less one.
      let stretch = 1;
      for (const defect of [ofChannels?.defect, vertical?.defect, horizontal?.defect])
        stretch *= 1 + (defect ?? 0) + 1e-12;
      const count = extent.channels * extent.height * extent.width;
      return stretch * Math.sqrt(count) * (step / 2) + (stretch - 1) * norm;
    },
  };
}

/** Applies a matrix, given transposed, to the columns and one, given as it is, to the rows of each map, in place. */
function eachMap(
  maps: Float64Array,
  { channels, height, width }: Extent,
  vertical: Float64Array,
  horizontal: Float64Array,
): void {
  const size = height * width;
  const columns = new Float64Array(size);
  for (let c = 0; c < channels; c++) {
    const map = maps.subarray(c * size, (c + 1) * size);
    multiply(columns, vertical, map, { rows: height, inner: height, columns: width });
    rowsTimes(map, columns, horizontal, height, width);
  }
}

/** `out[r][i] = sum over j of turned[i][j] * input[r][j]`. */
function rowsTimes(out: Float64Array, input: Float64Array, turned: Float64Array, height: number, width: number): void {
  for (let r = 0; r < height * width; r += width) {
    for (let i = 0; i < width; i++) {
      let sum = 0;
      for (let j = 0; j < width; j++) sum += (turned[i * width + j] as number) * (input[r + j] as number);
      out[r + i] = sum;
    }
  }
}

/** `out[c][p] = sum over k of back[k][c] * coefficients[k][p] * step`, coefficients of zero skipped. */
function spread(
  out: Float64Array,
  back: Float64Array,
  coefficients: Int32Array,
  step: number,
  channels: number,
  positions: number,
): void {
  const rows = new Int32Array(channels);
  const scaled = new Float64Array(channels);
  for (let p = 0; p < positions; p++) {
    let count = 0;
    for (let k = 0, i = p; k < channels; k++, i += positions) {
      const value = coefficients[i] as number;
      if (value === 0) continue;
      rows[count] = k * channels;
      scaled[count++] = value * step;
    }
    let c = 0;
    for (; c + 4 <= channels; c += 4) {
      let sum0 = 0;
      let sum1 = 0;
      let sum2 = 0;
      let sum3 = 0;
      for (let n = 0; n < count; n++) {
        const at = (rows[n] as number) + c;
        const value = scaled[n] as number;
        sum0 += (back[at] as number) * value;
        sum1 += (back[at + 1] as number) * value;
        sum2 += (back[at + 2] as number) * value;
        sum3 += (back[at + 3] as number) * value;
      }
      const to = c * positions + p;
      out[to] = sum0;
      out[to + positions] = sum1;
      out[to + 2 * positions] = sum2;
      out[to + 3 * positions] = sum3;
    }
    for (; c < channels; c++) {
      let sum = 0;
      for (let n = 0; n < count; n++) sum += (back[(rows[n] as number) + c] as number) * (scaled[n] as number);
      out[c * positions + p] = sum;
    }
  }
}
