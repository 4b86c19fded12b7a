import { bfloat16ToNumber, halfToNumber, type Tensor, valuesOf } from '@cutpoint/core';

/** How far two tensors are apart. */
export interface TensorDifference {
  /** Same type, same shape, same bytes. */
  readonly equalBits: boolean;
  /** Largest difference between two elements; infinite where one is not finite and the other differs. */
  readonly maxAbsDiff: number;
  /**
   * `maxAbsDiff` over the range (largest minus smallest finite element) of the reference; over its largest magnitude
   * where the range is 0, and `maxAbsDiff` itself where that is 0 too.
   */
  readonly maxRelDiff: number;
}

const same: TensorDifference = { equalBits: true, maxAbsDiff: 0, maxRelDiff: 0 };
const incomparable: TensorDifference = { equalBits: false, maxAbsDiff: Infinity, maxRelDiff: Infinity };

/**
 * Compares a tensor with a reference. Two NaN, two equal infinities and two zeros of any sign differ by 0 (but only
 * equal bytes are `equalBits`); tensors of different type or shape are infinitely far apart.
 */
export function compareTensors(reference: Tensor, other: Tensor): TensorDifference {
  if (!sameType(reference, other)) return incomparable;
  if (equalBytes(reference.data, other.data)) return same;
  const [expected, actual] = [numbersOf(reference), numbersOf(other)];
  let maxAbsDiff = 0;
  for (let i = 0; i < expected.length; i++) maxAbsDiff = Math.max(maxAbsDiff, distance(expected[i], actual[i]));
  return { equalBits: false, maxAbsDiff, maxRelDiff: maxAbsDiff === 0 ? 0 : maxAbsDiff / spread(expected) };
}

function sameType(a: Tensor, b: Tensor): boolean {
  return (
    a.dtype === b.dtype &&
    a.data.byteLength === b.data.byteLength &&
    a.shape.length === b.shape.length &&
    a.shape.every((size, axis) => size === b.shape[axis])
  );
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

type Elements = { readonly length: number; readonly [index: number]: number | bigint };

function numbersOf(tensor: Tensor): Elements {
  const values = valuesOf(tensor);
  if (!(values instanceof Uint16Array)) return values;
  if (tensor.dtype === 'bf16') return Float32Array.from(values, bfloat16ToNumber);
  return tensor.dtype === 'f16' ? Float32Array.from(values, halfToNumber) : values;
}

/** 64-bit integers are subtracted before they are rounded, so that a difference of 1 is seen at any size. */
function distance(a: number | bigint | undefined, b: number | bigint | undefined): number {
  if (typeof a === 'bigint' && typeof b === 'bigint') return Math.abs(Number(a - b));
  const [x, y] = [Number(a), Number(b)];
  if (x === y || (Number.isNaN(x) && Number.isNaN(y))) return 0;
  const difference = Math.abs(x - y);
  return Number.isNaN(difference) ? Infinity : difference;
}

function spread(values: Elements): number {
  let [least, most] = [Infinity, -Infinity];
  for (let i = 0; i < values.length; i++) {
    const value = Number(values[i]);
    if (!Number.isFinite(value)) continue;
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  if (least > most) return 1;
  return most - least || Math.max(Math.abs(least), Math.abs(most)) || 1;
}
