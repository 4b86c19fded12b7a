import type { RansDecoder, RansEncoder } from '../entropy/rans.js';
import type { Extent, TransformTable } from './table.js';
import type { Transform } from './transform.js';

/**
 * The arithmetic of the codec `transform` under one table, each function over one sample: [channels][positions]. Every
 * implementation gives the same bytes and numbers as `plainTransform`, and refuses the same.
 */
export interface TransformKernels {
  /** Quantised coefficients. @throws CutpointError CUT_CODEC if one is too large or not a number. */
  coefficientsOf(values: Float64Array, extent: Extent): Int32Array;
  /** The numbers that coefficients stand for. */
  valuesOf(coefficients: Int32Array, extent: Extent): Float64Array;
  /** Puts coefficients as symbols. */
  encode(encoder: RansEncoder, coefficients: Int32Array, extent: Extent): void;
  /** The bytes of all that was put: `encoder.finish()`. */
  finish(encoder: RansEncoder): Uint8Array;
  /** Takes the coefficients of a sample. @throws CutpointError CUT_CODEC_PAYLOAD if they are damaged. */
  decode(decoder: RansDecoder, extent: Extent): Int32Array;
}

/** @param transform that of the table. Both are kept. */
export type OpenTransform = (table: TransformTable, transform: Transform) => TransformKernels;
