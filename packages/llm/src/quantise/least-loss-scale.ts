import type { BlockBits } from '../package/package-manifest.js';

/** Shares of the block's largest element that the range is tried to end at: cutting off a few can be worth finer steps. */
const shares = Array.from({ length: 14 }, (_, i) => 1.05 - i * 0.05);

/**
 * The scale of a block of codes around the middle of their range, `(code - middle) * scale`, that loses least: the sum of
 * `importance * error^2` over its elements. Ranges of several lengths are tried, with either sign, and for the codes of each
 * the scale that fits them best. (A search of where to cut weights off, as in AWQ, weighted by the means of squared inputs,
 * as llama.cpp's importance matrices are.)
 * @param importance one for each element, and it may be longer.
 */
export function leastLossScale(values: Float32Array, importance: Float32Array, bits: BlockBits): number {
  let [low, high] = [0, 0];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const middle = 1 << (bits - 1);
  let [best, least] = [0, Number.POSITIVE_INFINITY];
  for (const share of shares) {
    // The range has one more code below its middle than above: the end that is farther out may take that side.
    for (const tried of [(low * share) / -middle, (high * share) / -middle]) {
      if (tried === 0) continue;
      const fitted = fittedScale(values, importance, tried, middle);
      const loss = lossOf(values, importance, fitted, middle);
      if (loss < least) [best, least] = [fitted, loss];
    }
  }
  return best;
}

/** For the codes that a scale gives, the scale with which they come closest to the values. */
function fittedScale(values: Float32Array, importance: Float32Array, scale: number, middle: number): number {
  let [products, squares] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0;
    const code = codeOf(value / scale, middle);
    const weight = importance[i] ?? 0;
    products += weight * code * value;
    squares += weight * code * code;
  }
  const fitted = Math.fround(products / squares);
  return Number.isFinite(fitted) && fitted !== 0 ? fitted : Math.fround(scale);
}

function lossOf(values: Float32Array, importance: Float32Array, scale: number, middle: number): number {
  let loss = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0;
    const error = value - codeOf(value / scale, middle) * scale;
    loss += (importance[i] ?? 0) * error * error;
  }
  return loss;
}

function codeOf(steps: number, middle: number): number {
  const code = Math.floor(steps + 0.5);
  return code < -middle ? -middle : code >= middle ? middle - 1 : code;
}
