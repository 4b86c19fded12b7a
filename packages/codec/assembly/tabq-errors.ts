/** Errors of steps for each of four columns at a time; defined in src/kernels/tabq.ts. */
import { inverseOf, joinLower, lowerOf, upperOf } from './pairs';

/** Elements whose squared errors are summed in f32. */
const blockLength = 64;

/** Of the four columns at hand (f64): the scales of their widths, and of those one below; and the errors of both. */
export const scales = memory.data(32, 16);
export const scalesBelow = memory.data(32, 16);
export const errors = memory.data(32, 16);
export const errorsBelow = memory.data(32, 16);

/**
 * Sets `errors` and `errorsBelow`: the sums of squared errors of each lane's width, and of the one below it. They are taken in
 * f32 over each block, rows 0, 4, 8, ... apart from 1, 5, 9, ... and so on, and in f64 over the blocks.
 */
export function measureErrors(room: usize, length: i32, start: v128): void {
  const inverse = inversesOf(scales);
  const inverseBelow = inversesOf(scalesBelow);
  v128.store(errors, f64x2.splat(0));
  v128.store(errors, f64x2.splat(0), 16);
  v128.store(errorsBelow, f64x2.splat(0));
  v128.store(errorsBelow, f64x2.splat(0), 16);
  for (let left = length; left > 0; left -= blockLength) {
    let a = f32x4.splat(0);
    let b = f32x4.splat(0);
    let c2 = f32x4.splat(0);
    let d = f32x4.splat(0);
    let aBelow = f32x4.splat(0);
    let bBelow = f32x4.splat(0);
    let cBelow = f32x4.splat(0);
    let dBelow = f32x4.splat(0);
    const rows = min(left, blockLength);
    const end = room + ((<usize>(rows & ~3)) << 4);
    for (; room < end; room += 64) {
      const x0 = f32x4.sub(v128.load(room), start);
      const x1 = f32x4.sub(v128.load(room, 16), start);
      const x2 = f32x4.sub(v128.load(room, 32), start);
      const x3 = f32x4.sub(v128.load(room, 48), start);
      a = f32x4.add(a, squareOf(x0, inverse));
      b = f32x4.add(b, squareOf(x1, inverse));
      c2 = f32x4.add(c2, squareOf(x2, inverse));
      d = f32x4.add(d, squareOf(x3, inverse));
      aBelow = f32x4.add(aBelow, squareOf(x0, inverseBelow));
      bBelow = f32x4.add(bBelow, squareOf(x1, inverseBelow));
      cBelow = f32x4.add(cBelow, squareOf(x2, inverseBelow));
      dBelow = f32x4.add(dBelow, squareOf(x3, inverseBelow));
    }
    if ((rows & 3) > 0) {
      const x = f32x4.sub(v128.load(room), start);
      a = f32x4.add(a, squareOf(x, inverse));
      aBelow = f32x4.add(aBelow, squareOf(x, inverseBelow));
    }
    if ((rows & 3) > 1) {
      const x = f32x4.sub(v128.load(room, 16), start);
      b = f32x4.add(b, squareOf(x, inverse));
      bBelow = f32x4.add(bBelow, squareOf(x, inverseBelow));
    }
    if ((rows & 3) > 2) {
      const x = f32x4.sub(v128.load(room, 32), start);
      c2 = f32x4.add(c2, squareOf(x, inverse));
      cBelow = f32x4.add(cBelow, squareOf(x, inverseBelow));
    }
    addJoined(errors, a, b, c2, d);
    addJoined(errorsBelow, aBelow, bBelow, cBelow, dBelow);
  }
  scaleErrors(errors, scales);
  scaleErrors(errorsBelow, scalesBelow);
}

function inversesOf(steps: usize): v128 {
  return joinLower(inverseOf(v128.load(steps)), inverseOf(v128.load(steps, 16)));
}

/** Adds (a + b) + (c + d) to four sums in f64. */
function addJoined(sums: usize, a: v128, b: v128, c2: v128, d: v128): void {
  const lower = f64x2.add(f64x2.add(lowerOf(a), lowerOf(b)), f64x2.add(lowerOf(c2), lowerOf(d)));
  const upper = f64x2.add(f64x2.add(upperOf(a), upperOf(b)), f64x2.add(upperOf(c2), upperOf(d)));
  v128.store(sums, f64x2.add(v128.load(sums), lower));
  v128.store(sums, f64x2.add(v128.load(sums, 16), upper), 16);
}

function scaleErrors(sums: usize, steps: usize): void {
  for (let half: usize = 0; half < 32; half += 16) {
    const scale = v128.load(steps + half);
    v128.store(sums + half, f64x2.mul(f64x2.mul(v128.load(sums + half), scale), scale));
  }
}

/** The square of how far a number of steps is from the nearest whole one. @param x the number less the start */
function squareOf(x: v128, inverse: v128): v128 {
  const steps = f32x4.mul(x, inverse);
  const off = f32x4.sub(steps, f32x4.nearest(steps));
  return f32x4.mul(off, off);
}
