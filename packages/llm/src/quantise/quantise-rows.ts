import type { BlockBits, BlockSize } from '../package/package-manifest.js';
import { bytesOf, type WeightPiece } from '../package/weight-content.js';
import type { BlockForm } from './block-form.js';
import { leastLossScale } from './least-loss-scale.js';
import { codeAt, packCodes, putCode } from './pack-codes.js';

/**
 * Rounds rows to the nearest codes of their blocks. An element is off by half a scale, and by a whole one at the ends of a
 * range; the last block of a row is filled up with zeros, which are exact.
 *
 * With zero points a block's range is that of its elements and 0. Without them the scale is such that the element largest
 * in size is kept but for the scale's rounding: it gets the lowest code, and the scale may be negative (as in ggml's Q4_0).
 * @param values finite elements of whole rows.
 * @param importance how much the square of an error in each column counts. With it, and without zero points, a block's
 * scale is the one that loses least (`leastLossScale`).
 */
export function quantiseRows(
  values: Float32Array,
  columns: number,
  form: BlockForm,
  importance?: Float32Array,
): WeightPiece {
  const { bits, block } = form;
  const rows = values.length / columns;
  const blocks = Math.ceil(columns / block);
  const bytes = bytesOf({ kind: 'blocks', rows, columns, ...form });
  const packed = new Uint8Array(bytes.values);
  const scales = new Float32Array(rows * blocks);
  const zeroPoints = new Uint8Array(bytes.zeroPoints);
  const codes = new Uint8Array(block);
  const zeroRowBytes = bytes.zeroPoints / rows;
  for (let row = 0; row < rows; row++) {
    for (let b = 0; b < blocks; b++) {
      const start = row * columns + b * block;
      const end = Math.min(start + block, (row + 1) * columns);
      const { scale, zero } = form.zeroPoints
        ? rangeOf(values, start, end, bits)
        : importance === undefined
          ? centredOf(values, start, end, bits)
          : leastLossOf(values, start, end, bits, importance.subarray(b * block));
      encode(values, start, end, scale, zero, bits, codes);
      const index = row * blocks + b;
      packCodes(codes, bits, packed, (index * block * bits) / 8);
      scales[index] = scale;
      if (form.zeroPoints) putCode(zeroPoints, bits, row * zeroRowBytes, b, zero);
    }
  }
  return { values: packed, scales: new Uint8Array(scales.buffer), zeroPoints };
}

interface Step {
  readonly scale: number;
  readonly zero: number;
}

function rangeOf(values: Float32Array, start: number, end: number, bits: BlockBits): Step {
  let low = 0;
  let high = 0;
  for (let i = start; i < end; i++) {
    const value = values[i] ?? 0;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const largest = (1 << bits) - 1;
  const scale = Math.fround((high - low) / largest);
  return { scale, zero: scale === 0 ? 0 : Math.min(largest, Math.round(-low / scale)) };
}

function centredOf(values: Float32Array, start: number, end: number, bits: BlockBits): Step {
  let low = 0;
  let high = 0;
  for (let i = start; i < end; i++) {
    const value = values[i] ?? 0;
    if (value < low) low = value;
    else if (value > high) high = value;
  }
  const zero = 1 << (bits - 1);
  return { scale: Math.fround((high > -low ? high : low) / -zero), zero };
}

function leastLossOf(
  values: Float32Array,
  start: number,
  end: number,
  bits: BlockBits,
  importance: Float32Array,
): Step {
  return { scale: leastLossScale(values.subarray(start, end), importance, bits), zero: 1 << (bits - 1) };
}

function encode(
  values: Float32Array,
  start: number,
  end: number,
  scale: number,
  zero: number,
  bits: BlockBits,
  codes: Uint8Array,
): void {
  const largest = (1 << bits) - 1;
  const perScale = scale === 0 ? 0 : 1 / scale;
  // What is cut off behind the point is half a code more: the nearest, as none below 0 are left. Twice as fast as Math.round.
  const offset = zero + 0.5;
  for (let i = start; i < end; i++) {
    const code = ((values[i] ?? 0) * perScale + offset) | 0;
    codes[i - start] = code < 0 ? 0 : code > largest ? largest : code;
  }
  codes.fill(zero, end - start);
}

/** The elements that blocks stand for: `(code - zero point) * scale`, as f32. */
export function dequantiseRows(
  piece: WeightPiece,
  rows: number,
  columns: number,
  { bits, block, zeroPoints }: BlockForm,
): Float32Array<ArrayBuffer> {
  const blocks = Math.ceil(columns / block);
  const scales = new DataView(piece.scales.buffer, piece.scales.byteOffset, piece.scales.byteLength);
  const zeroRowBytes = piece.zeroPoints.length / rows;
  const values = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const b = Math.floor(column / block);
      const index = row * blocks + b;
      const zero = zeroPoints ? codeAt(piece.zeroPoints, bits, row * zeroRowBytes, b) : 1 << (bits - 1);
      const code = codeAt(piece.values, bits, (index * block * bits) / 8, column % block);
      values[row * columns + column] = (code - zero) * scales.getFloat32(index * 4, true);
    }
  }
  return values;
}

/** Sizes and widths that can be asked for. */
export const blockBits: readonly BlockBits[] = [2, 4, 8];
export const blockSizes: readonly BlockSize[] = [32, 64, 128];
