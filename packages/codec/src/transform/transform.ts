import { defectOf, multiply, transposeOf } from './matrix.js';
import type { Extent, TransformTable } from './table.js';

/** Means, and matrices for channels and for maps, as the products take them: all in binary64 but the means. */
export interface Transform {
  /** Subtracted from each channel. */
  readonly mean: Float32Array;
  readonly rotation: Turn | undefined;
  readonly spatial: { readonly vertical: Turn; readonly horizontal: Turn } | undefined;
}

/** An orthonormal matrix, as the transposed factor of the way there and of the way back. */
export interface Turn {
  readonly ahead: Float64Array;
  readonly back: Float64Array;
  /** How far from orthonormal it is: `defectOf`. */
  readonly defect: number;
}

/** @param table the numbers of a table that say which transform it is. */
export function transformOf(table: Pick<TransformTable, 'mean' | 'rotation' | 'spatial'>): Transform {
  const { mean, rotation, spatial } = table;
  return {
    mean,
    rotation: rotation && turnOf(rotation),
    spatial: spatial && { vertical: turnOf(spatial.vertical), horizontal: turnOf(spatial.horizontal) },
  };
}

function turnOf(matrix: Float32Array): Turn {
  const size = Math.round(Math.sqrt(matrix.length));
  return { ahead: transposeOf(matrix, size, size), back: new Float64Array(matrix), defect: defectOf(matrix, size) };
}

/**
 * The mean taken away, channels rotated into components and maps into frequencies: coefficients of one sample, component
 * by component, in units of the table's numbers.
 */
export function forward({ mean, rotation, spatial }: Transform, values: Float64Array, extent: Extent): Float64Array {
  const centred = new Float64Array(values.length);
  const positions = extent.height * extent.width;
  for (let c = 0, i = 0; c < extent.channels; c++) {
    const own = mean[c] ?? 0;
    for (let p = 0; p < positions; p++, i++) centred[i] = (values[i] as number) - own;
  }
  const out = rotation === undefined ? centred : rotated(centred, rotation.ahead, extent);
  if (spatial !== undefined) eachMap(out, extent, spatial.vertical.ahead, spatial.horizontal.ahead);
  return out;
}

/** The way back: the sample of quantised coefficients. */
export function inverse(
  { mean, rotation, spatial }: Transform,
  coefficients: Int32Array,
  step: number,
  extent: Extent,
): Float64Array<ArrayBuffer> {
  const scaled = new Float64Array(coefficients.length);
  for (let i = 0; i < scaled.length; i++) scaled[i] = (coefficients[i] as number) * step;
  const out = rotation === undefined ? scaled : rotated(scaled, rotation.back, extent);
  if (spatial !== undefined) eachMap(out, extent, spatial.vertical.back, spatial.horizontal.back);
  const positions = extent.height * extent.width;
  for (let c = 0, i = 0; c < extent.channels; c++) {
    const own = mean[c] ?? 0;
    for (let p = 0; p < positions; p++, i++) out[i] = (out[i] as number) + own;
  }
  return out;
}

/**
 * At most this is the root of the sum of squared errors, if each coefficient of a sample is within half a step and the
 * sample, its mean taken away, has this norm: the matrices are orthonormal only up to rounding.
 */
export function errorOf({ rotation, spatial }: Transform, step: number, extent: Extent, norm: number): number {
  // |M| <= sqrt(1 + defect) for each matrix M; the product of all is off by at most the product of these, less one.
  let stretch = 1;
  for (const turn of [rotation, spatial?.vertical, spatial?.horizontal]) stretch *= 1 + (turn?.defect ?? 0) + 1e-12;
  const count = extent.channels * extent.height * extent.width;
  return stretch * Math.sqrt(count) * (step / 2) + (stretch - 1) * norm;
}

function rotated(values: Float64Array, matrix: Float64Array, extent: Extent): Float64Array<ArrayBuffer> {
  const { channels, height, width } = extent;
  const out = new Float64Array(values.length);
  multiply(out, matrix, values, { rows: channels, inner: channels, columns: height * width });
  return out;
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
