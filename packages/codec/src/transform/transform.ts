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
      if (vertical !== undefined && horizontal !== undefined) eachMap(out, extent, vertical.ahead, horizontal.ahead);
      return out;
    },
    inverse(coefficients, step, extent) {
      const positions = extent.height * extent.width;
      const scaled = new Float64Array(coefficients.length);
      for (let i = 0; i < scaled.length; i++) scaled[i] = (coefficients[i] as number) * step;
      let out = scaled;
      if (ofChannels !== undefined) {
        out = new Float64Array(scaled.length);
        multiply(out, ofChannels.back, scaled, { rows: channels, inner: channels, columns: positions });
      }
      if (vertical !== undefined && horizontal !== undefined) eachMap(out, extent, vertical.back, horizontal.back);
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

/** Applies `vertical` (place j, result i) to the columns and `horizontal` to the rows of each map, in place. */
function eachMap(
  maps: Float64Array,
  { channels, height, width }: Extent,
  vertical: Float64Array,
  horizontal: Float64Array,
): void {
  const size = height * width;
  const turned = new Float64Array(size);
  for (let c = 0; c < channels; c++) {
    const map = maps.subarray(c * size, (c + 1) * size);
    // Both products take the map as the transposed factor, so that the second turns back what the first has turned.
    multiply(turned, map, vertical, { rows: width, inner: height, columns: height });
    multiply(map, turned, horizontal, { rows: height, inner: width, columns: width });
  }
}
