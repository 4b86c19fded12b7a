/** All groups in steps of one width, and back; defined in src/kernels/affine.ts. Groups are rows here. */
import { packRow, unpackRow } from './pack';
import { fitsHalf, lowOf, quantiseRow, scaleOf } from './quantise';
import { findFiniteRange, high, low } from './ranges';

const largestMagnitude: f32 = reinterpret<f32>((127 + 126) << 23);

/**
 * @param lows room for an f32 for each row, `scales` likewise
 * @param codes room for a byte for each element and 16 more
 * @returns whether the groups are narrow (1) or not (0), or -1 if an element cannot be quantised
 */
export function affineEncode(
  numbers: usize,
  rows: i32,
  length: i32,
  width: i32,
  lows: usize,
  scales: usize,
  codes: usize,
): i32 {
  const rowBytes = <usize>length * 4;
  let narrow = true;
  for (let row = 0; row < rows; row++) {
    if (!findFiniteRange(numbers + <usize>row * rowBytes, length, largestMagnitude)) return -1;
    narrow = narrow && fitsHalf(low, high);
    store<f32>(lows + <usize>row * 4, low);
    store<f32>(scales + <usize>row * 4, high);
  }
  for (let row = 0; row < rows; row++) {
    const at = <usize>row * 4;
    const start = lowOf(load<f32>(lows + at), narrow);
    const scale = scaleOf(start, load<f32>(scales + at), width, narrow);
    store<f32>(lows + at, <f32>start);
    store<f32>(scales + at, <f32>scale);
    const from = numbers + <usize>row * rowBytes;
    quantiseRow(from, codes + <usize>row * length, length, <f32>start, scale);
  }
  return narrow ? 1 : 0;
}

/** Packs rows of codes. @param widths a byte for each row @returns where the packed codes end */
export function packRows(codes: usize, packed: usize, rows: i32, length: i32, widths: usize): usize {
  for (let row = 0; row < rows; row++, codes += length) packed = packRow(codes, packed, length, load<u8>(widths + row));
  return packed;
}

/** Unpacks rows of codes. @param codes room for them and 15 bytes more */
export function unpackRows(packed: usize, codes: usize, rows: i32, length: i32, widths: usize): void {
  for (let row = 0; row < rows; row++, codes += length) {
    packed = unpackRow(packed, codes, length, load<u8>(widths + row));
  }
}

/** Elements from codes where groups are rows. @param numbers room for them and 15 more */
export function restoreRows(codes: usize, numbers: usize, rows: i32, length: i32, lows: usize, scales: usize): void {
  for (let row = 0; row < rows; row++, codes += length, numbers += <usize>length * 4) {
    const at = <usize>row * 4;
    restoreRow(codes, numbers, length, v128.load32_splat(lows + at), v128.load32_splat(scales + at));
  }
}

function restoreRow(codes: usize, numbers: usize, length: i32, lows: v128, scales: v128): void {
  const end = codes + length;
  for (; codes < end; codes += 16, numbers += 64) {
    const all = v128.load(codes);
    const first = i16x8.extend_low_i8x16_u(all);
    const last = i16x8.extend_high_i8x16_u(all);
    v128.store(numbers, restore(i32x4.extend_low_i16x8_u(first), lows, scales));
    v128.store(numbers, restore(i32x4.extend_high_i16x8_u(first), lows, scales), 16);
    v128.store(numbers, restore(i32x4.extend_low_i16x8_u(last), lows, scales), 32);
    v128.store(numbers, restore(i32x4.extend_high_i16x8_u(last), lows, scales), 48);
  }
}

/**
 * Elements from codes where groups are columns: as many rows as a group has elements.
 * @param lows an f32 for each column and room for 15 more that are read; `scales` likewise
 * @param numbers room for the elements and 15 more
 */
export function restoreColumns(
  codes: usize,
  numbers: usize,
  rows: i32,
  columns: i32,
  lows: usize,
  scales: usize,
): void {
  for (let row = 0; row < rows; row++, codes += columns, numbers += <usize>columns * 4) {
    for (let column = 0; column < columns; column += 8) {
      const at = <usize>column * 4;
      const eight = v128.load8x8_u(codes + column);
      const first = restore(i32x4.extend_low_i16x8_u(eight), v128.load(lows + at), v128.load(scales + at));
      const last = restore(i32x4.extend_high_i16x8_u(eight), v128.load(lows + at, 16), v128.load(scales + at, 16));
      v128.store(numbers + at, first);
      v128.store(numbers + at, last, 16);
    }
  }
}

function restore(codes: v128, lows: v128, scales: v128): v128 {
  return f32x4.add(lows, f32x4.mul(f32x4.convert_i32x4_s(codes), scales));
}
