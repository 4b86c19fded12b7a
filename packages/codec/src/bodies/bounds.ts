import { valuesOf } from '@cutpoint/core';
import type { ErrorBound } from '../codec.js';
import { type FloatTensor, rounding, toF32 } from '../floats.js';
import type { Kernels } from '../kernels/kernels.js';

/**
 * A bound by element from that of the f32 arithmetic, to which come the roundings of the element type to f32 and back.
 * The little more, a 2^-20th, is for roundings of roundings.
 * @param of the error of element number `at`, x, when it is decoded to f32.
 */
export function elementBound(tensor: FloatTensor, kernels: Kernels, of: (x: number, at: number) => number): ErrorBound {
  const values = toF32(tensor, kernels);
  const { share, least } = rounding[tensor.dtype];
  const most = new Float64Array(values.length);
  for (let at = 0; at < values.length; at++) {
    const x = values[at] ?? 0;
    const error = Number.isFinite(x) ? of(x, at) : 0;
    most[at] = Number.isFinite(x) ? (error + 2 * (share * (Math.abs(x) + error) + least)) * (1 + 2 ** -20) : 0;
  }
  return { kind: 'element', most };
}

/** The root of the sum of squares of the finite elements, in f64. */
export function normOf(tensor: FloatTensor, kernels: Kernels): number {
  let sum = 0;
  for (const x of toF32(tensor, kernels)) if (Number.isFinite(x)) sum += x * x;
  return Math.sqrt(sum);
}

/** A bound of the whole from that of the f32 arithmetic, to which come the roundings of the element type. */
export function normBound(tensor: FloatTensor, kernels: Kernels, error: number): ErrorBound {
  const { share, least } = rounding[tensor.dtype];
  const elements = valuesOf(tensor).length;
  const rounded = 2 * (share * (normOf(tensor, kernels) + error) + least * Math.sqrt(elements));
  return { kind: 'norm', most: (error + rounded) * (1 + 2 ** -20) };
}
