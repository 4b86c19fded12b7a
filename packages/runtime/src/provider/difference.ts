import { bfloat16ToNumber, halfToNumber, type NamedTensors, type Tensor, valuesOf } from '@cutpoint/core';

const floats: ReadonlySet<string> = new Set(['f16', 'bf16', 'f32', 'f64']);

/**
 * How far tensors are from those that are due: of floats the root of the mean square of the differences over that of the values,
 * of integers and truth values the share that differs; of several tensors the worst.
 * @returns Infinity where a tensor is missing, has another shape, or holds what is no number where a number is due.
 */
export function differenceOf(found: NamedTensors, due: NamedTensors): number {
  const own = [...due].map(([name, tensor]) => {
    const other = found.get(name);
    return other === undefined ? Number.POSITIVE_INFINITY : tensorDifference(other, tensor);
  });
  return Math.max(0, ...own);
}

function tensorDifference(found: Tensor, due: Tensor): number {
  const sameForm = found.dtype === due.dtype && String(found.shape) === String(due.shape);
  if (!sameForm) return Number.POSITIVE_INFINITY;
  const [a, b] = [numbersOf(found), numbersOf(due)];
  return floats.has(due.dtype) ? rootMeanSquare(a, b) : shareThatDiffers(a, b);
}

function rootMeanSquare(found: Float64Array, due: Float64Array): number {
  let squares = 0;
  let all = 0;
  for (let i = 0; i < due.length; i++) {
    const value = due[i] as number;
    const other = found[i] as number;
    // Masks hold infinities, and there is a difference of two that are equal, though not by subtraction.
    if (Object.is(value, other)) continue;
    squares += (other - value) ** 2;
  }
  for (const value of due) if (Number.isFinite(value)) all += value * value;
  if (squares === 0) return 0;
  const relative = Math.sqrt(squares / all);
  return Number.isNaN(relative) ? Number.POSITIVE_INFINITY : relative;
}

function shareThatDiffers(found: Float64Array, due: Float64Array): number {
  if (due.length === 0) return 0;
  return due.reduce((count, value, i) => count + (value === found[i] ? 0 : 1), 0) / due.length;
}

function numbersOf(tensor: Tensor): Float64Array {
  const values = valuesOf(tensor);
  if (tensor.dtype === 'f16') return Float64Array.from(values as Uint16Array, halfToNumber);
  if (tensor.dtype === 'bf16') return Float64Array.from(values as Uint16Array, bfloat16ToNumber);
  return Float64Array.from(values as ArrayLike<number | bigint>, Number);
}
