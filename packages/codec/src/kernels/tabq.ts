import { quantiseGroup } from './affine.js';
import type { CodeForm, Grouping, Outliers, Steps, TabqOptions } from './kernels.js';
import { packCodes } from './pack.js';
import { fitsHalf, inverseOf, lowOf, nearest, scaleOf } from './quantise.js';
import { groupRanges } from './ranges.js';
import { tailMagnitude } from './tail.js';

const smallestWidth = 2;

/**
 * Threshold splitting and token-wise adaptive bit quantisation (TS and TAB-Q, "Adaptive Split Computing for LLMs").
 *
 * With tau as the options have it, outliers, the elements that are not |x| <= tau, are kept bit for bit and count nowhere else; their code is 0. A group
 * whose other elements are all alike, or that has none, has width 0 and scale 0. Any other has the width that `widthOf`
 * finds. Lows, scales and codes are those of `affineEncode` with that width, over the elements that are no outliers; all
 * groups are narrow if each fits and delta is at least 2^-18, else none is.
 */
export function tabqEncode(
  values: Float32Array,
  grouping: Grouping,
  options: TabqOptions,
  form: CodeForm,
): { readonly steps: Steps; readonly outliers: Outliers } {
  const tau = Math.max(options.least, tailMagnitude(values, options.rho));
  const { lows, highs, outside } = groupRanges(values, grouping, tau);
  const narrow = options.delta >= 2 ** -18 && lows.every((low, g) => fitsHalf(low, highs[g] ?? 0));
  const scales = new Float32Array(lows.length);
  const widths = new Uint8Array(lows.length);
  const codes = new Uint8Array(values.length);
  for (let g = 0; g < lows.length; g++) {
    const high = highs[g] ?? 0;
    const low = lowOf(lows[g] ?? 0, narrow);
    if (high === lows[g]) continue;
    const width = widthOf(values, grouping, g, { ...options, tau, low, high, narrow });
    const scale = scaleOf(low, high, width, narrow);
    lows[g] = low;
    scales[g] = scale;
    widths[g] = width;
    quantiseGroup(values, codes, grouping, g, { low, scale, width });
  }
  const outliers = takeOutliers(values, codes, tau, outside);
  const packed = form === 'packed' ? packCodes(codes, grouping, widths) : codes;
  return { steps: { narrow, lows, scales, widths, codes: packed }, outliers };
}

interface GroupBudget extends Pick<TabqOptions, 'delta' | 'maxWidth'> {
  readonly tau: number;
  readonly low: number;
  readonly high: number;
  readonly narrow: boolean;
}

/**
 * The width of a group. A width passes if (E * scale) * scale <= delta * S in f64, E and S being what `errorOf` and
 * `energyOf` give. The first tried is the smallest for which n * (scale * scale) / 12 <= delta * S in f64, n being the
 * length of the group with its outliers, as errors spread evenly over a step would pass; the largest width if there is
 * none. If it passes, the widths below it are tried one by one as long as they pass; else those above it until one
 * passes, and the largest is taken as it is.
 */
function widthOf(values: Float32Array, grouping: Grouping, group: number, budget: GroupBudget): number {
  const { low, high, narrow, delta, maxWidth, tau } = budget;
  const most = delta * energyOf(values, grouping, group, tau);
  const scale = (width: number): number => scaleOf(low, high, width, narrow);
  const passes = (width: number): boolean => {
    const step = scale(width);
    return errorOf(values, grouping, group, { tau, low, scale: step, width }) * step * step <= most;
  };
  let width = smallestWidth;
  while (width < maxWidth && (grouping.length * (scale(width) * scale(width))) / 12 > most) width++;
  if (passes(width)) {
    while (width > smallestWidth && passes(width - 1)) width--;
    return width;
  }
  do width++;
  while (width < maxWidth && !passes(width));
  return Math.min(width, maxWidth);
}

/** The sum of squares of a group without its outliers, in f64, where the squares are exact; order as in `joined`. */
function energyOf(values: Float32Array, { length, inner }: Grouping, group: number, tau: number): number {
  const first = Math.floor(group / inner) * length * inner + (group % inner);
  const sums = new Float64Array(lanes);
  for (let l = 0, at = first; l < length; l++, at += inner) {
    const x = values[at] ?? 0;
    if (Math.abs(x) <= tau) sums[l % lanes] = (sums[l % lanes] ?? 0) + x * x;
  }
  return joined(sums);
}

/**
 * The sum of squared errors of a group without its outliers, in steps squared: with u = f32(f32(x - low) * inverse) and
 * the code q, e = f32(u - q), the sum of f32(e * e). It is taken in f32 over each block of 64 elements of the group, order
 * as in `joined`, and the blocks' sums are added up in f64 from the first to the last. So it is below the exact sum by no
 * more than 2^-19 of it, or above.
 */
function errorOf(
  values: Float32Array,
  { length, inner }: Grouping,
  group: number,
  { tau, low, scale, width }: Step,
): number {
  const first = Math.floor(group / inner) * length * inner + (group % inner);
  const inverse = inverseOf(scale);
  const most = (1 << width) - 1;
  let sum = 0;
  for (let block = 0; block < length; block += blockLength) {
    const sums = new Float32Array(lanes);
    for (let l = block; l < Math.min(block + blockLength, length); l++) {
      const x = values[first + l * inner] ?? 0;
      if (!(Math.abs(x) <= tau)) continue;
      const u = Math.fround(Math.fround(x - low) * inverse);
      const e = Math.fround(u - Math.min(nearest(u), most));
      sums[l % lanes] = (sums[l % lanes] ?? 0) + Math.fround(e * e);
    }
    sum += joined(sums);
  }
  return sum;
}

interface Step {
  readonly tau: number;
  readonly low: number;
  readonly scale: number;
  readonly width: number;
}

const lanes = 4;
const blockLength = 64;

/** Sums are taken in four lanes, element l of a group in lane l mod 4, and the lanes joined as (0 + 1) + (2 + 3). */
function joined(sums: Float32Array | Float64Array): number {
  const [a = 0, b = 0, c = 0, d = 0] = sums;
  return a + b + (c + d);
}

/** Collects the outliers in the tensor's order and sets their codes to 0. */
function takeOutliers(values: Float32Array, codes: Uint8Array, tau: number, count: number): Outliers {
  const outliers = { at: new Uint32Array(count), values: new Float32Array(count) };
  const from = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const bits = new Uint32Array(outliers.values.buffer);
  let next = 0;
  for (let i = 0; i < values.length && next < count; i++) {
    if (Math.abs(values[i] ?? 0) <= tau) continue;
    outliers.at[next] = i;
    bits[next++] = from[i] ?? 0;
    codes[i] = 0;
  }
  return outliers;
}
