import { type Tensor, valuesOf } from '@cutpoint/core';
import { fromBfloats, toBfloats } from '../kernels/bfloat.js';
import { fromHalves, toHalves } from '../kernels/half.js';

/** Element types that the transform carries, in the order of their numbers in a payload. */
export const floatTypes = ['f32', 'f16', 'bf16', 'f64'] as const;
export type FloatType = (typeof floatTypes)[number];

/** The largest finite number of each type, and how far rounding to it is off: relative, and at least. */
const limits = {
  f32: { largest: 3.4028234663852886e38, relative: 2 ** -24, least: 2 ** -150 },
  f16: { largest: 65_504, relative: 2 ** -11, least: 2 ** -25 },
  bf16: { largest: 3.3895313892515355e38, relative: 2 ** -8, least: 2 ** -134 },
  f64: { largest: Number.MAX_VALUE, relative: 0, least: 0 },
} as const;

/** The elements of a tensor of one of the float types, exactly; undefined for other types. */
export function numbersOf(tensor: Tensor): { type: FloatType; numbers: Float64Array<ArrayBuffer> } | undefined {
  const type = floatTypes.find((each) => each === tensor.dtype);
  if (type === undefined) return undefined;
  const values = valuesOf(tensor);
  if (values instanceof Uint16Array) {
    const narrow = new Float32Array(values.length);
    if (type === 'f16') fromHalves(values, narrow);
    else fromBfloats(values, narrow);
    return { type, numbers: new Float64Array(narrow) };
  }
  return { type, numbers: new Float64Array(values as Float32Array) };
}

/** The nearest tensor of a type; numbers beyond its range become its largest. */
export function tensorOfNumbers(type: FloatType, shape: readonly number[], numbers: Float64Array<ArrayBuffer>): Tensor {
  const { largest } = limits[type];
  for (let i = 0; i < numbers.length; i++) {
    const number = numbers[i] as number;
    if (number > largest || number < -largest) numbers[i] = Math.sign(number) * largest;
  }
  return { dtype: type, shape, data: bytesOf(rounded(type, numbers)) };
}

/** At most the norm of what rounding to a type changes in `count` numbers of this norm. */
export function roundingNorm(type: FloatType, count: number, norm: number): number {
  return limits[type].relative * norm + limits[type].least * Math.sqrt(count);
}

function rounded(type: FloatType, numbers: Float64Array<ArrayBuffer>) {
  if (type === 'f64') return numbers;
  const single = new Float32Array(numbers);
  if (type === 'f32') return single;
  const narrow = new Uint16Array(single.length);
  if (type === 'f16') toHalves(single, narrow);
  else toBfloats(single, narrow);
  return narrow;
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
