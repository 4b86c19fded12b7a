import {
  type CodeForm,
  type Grouping,
  groupCount,
  groupedElements,
  largestMagnitude,
  type Outliers,
  type Steps,
} from './kernels.js';
import { packCodes, unpackCodes } from './pack.js';
import { fitsHalf, inverseOf, lowOf, nearest, scaleOf } from './quantise.js';
import { groupRanges } from './ranges.js';

/**
 * Every group in 2^width equal steps from its smallest to its largest element.
 *
 * Lowest and highest are those of the group, -0 counting as +0. All groups are narrow (quantise.ts) if each fits, else
 * none is. With low, scale and inverse as quantise.ts has them, in f32:
 * code = min(nearest(f32(f32(x - low) * inverse)), 2^width - 1). A code is never below 0, as low is the smallest.
 */
export function affineEncode(
  values: Float32Array,
  grouping: Grouping,
  width: number,
  form: CodeForm,
): Steps | undefined {
  const { lows, highs, outside } = groupRanges(values, grouping, largestMagnitude);
  if (outside > 0) return undefined;
  const narrow = lows.every((low, g) => fitsHalf(low, highs[g] ?? 0));
  const scales = new Float32Array(lows.length);
  const widths = new Uint8Array(lows.length).fill(width);
  const codes = new Uint8Array(values.length);
  for (let g = 0; g < lows.length; g++) {
    const low = lowOf(lows[g] ?? 0, narrow);
    const scale = scaleOf(low, highs[g] ?? 0, width, narrow);
    lows[g] = low;
    scales[g] = scale;
    quantiseGroup(values, codes, grouping, g, { low, scale, width });
  }
  return { narrow, lows, scales, widths, codes: form === 'packed' ? packCodes(codes, grouping, widths) : codes };
}

/** Writes the codes of one group. */
export function quantiseGroup(
  values: Float32Array,
  codes: Uint8Array,
  { length, inner }: Grouping,
  group: number,
  { low, scale, width }: { readonly low: number; readonly scale: number; readonly width: number },
): void {
  const first = Math.floor(group / inner) * length * inner + (group % inner);
  const inverse = inverseOf(scale);
  const most = (1 << width) - 1;
  for (let l = 0, at = first; l < length; l++, at += inner) {
    const step = nearest(Math.fround(Math.fround((values[at] ?? 0) - low) * inverse));
    codes[at] = Math.min(step, most);
  }
}

/** Element = f32(low + f32(code * scale)), and then the outliers in their places. */
export function decodeSteps(
  { lows, scales, widths, codes }: Steps,
  grouping: Grouping,
  form: CodeForm,
  outliers: Outliers | undefined,
): Float32Array<ArrayBuffer> {
  const { length, inner } = grouping;
  const plain = form === 'packed' ? unpackCodes(codes, grouping, widths) : codes;
  const to = new Float32Array(groupedElements(grouping));
  if (to.length === 0) return to;
  for (let g = 0; g < groupCount(grouping); g++) {
    const first = Math.floor(g / inner) * length * inner + (g % inner);
    const low = lows[g] ?? 0;
    const scale = scales[g] ?? 0;
    for (let l = 0, at = first; l < length; l++, at += inner) {
      to[at] = Math.fround(low + Math.fround((plain[at] ?? 0) * scale));
    }
  }
  if (outliers !== undefined) restoreOutliers(outliers, to);
  return to;
}

/** Bit for bit, also what is not a number. */
export function restoreOutliers({ at, values }: Outliers, to: Float32Array): void {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const places = new Uint32Array(to.buffer, to.byteOffset, to.length);
  for (let i = 0; i < at.length; i++) places[at[i] ?? 0] = bits[i] ?? 0;
}
