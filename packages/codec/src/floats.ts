import { bytesPerElement, CutpointError, elementCount, type Tensor, tensorOf, valuesOf } from '@cutpoint/core';
import type { Kernels } from './kernels/kernels.js';

/** The element types that codecs quantise, in the order of their numbers in payloads. */
export const floatTypes = ['f32', 'f16', 'bf16', 'f64'] as const;
export type FloatType = (typeof floatTypes)[number];

/** Element type and shape of a tensor: all but its elements. */
export interface FloatTensorType {
  readonly dtype: FloatType;
  readonly shape: readonly number[];
}

/** A tensor of a float type. */
export interface FloatTensor extends Tensor {
  readonly dtype: FloatType;
}

/** True if codecs can quantise the tensor. */
export function isFloat(tensor: Tensor): tensor is FloatTensor {
  return floatTypes.some((type) => type === tensor.dtype);
}

/**
 * The elements rounded to f32, which is exact for all types but f64: a view of f32 elements that are aligned, else a copy.
 * @throws CutpointError CUT_CODEC if a finite f64 element is beyond the range of f32.
 */
export function toF32(tensor: FloatTensor, kernels: Kernels): Float32Array<ArrayBuffer> {
  const values = valuesOf(tensor);
  if (values instanceof Float32Array) return values;
  const numbers = new Float32Array(values.length);
  if (values instanceof Float64Array) {
    for (let i = 0; i < values.length; i++) {
      const x = values[i] ?? 0;
      const y = Math.fround(x);
      if (Math.abs(y) === Infinity && Math.abs(x) !== Infinity) throw beyond(tensor.dtype, 'f32');
      numbers[i] = y;
    }
  } else if (values instanceof Uint16Array) {
    if (tensor.dtype === 'f16') kernels.fromHalves(values, numbers);
    else kernels.fromBfloats(values, numbers);
  }
  return numbers;
}

/** The elements as numbers, exactly. */
export function numbersOf(tensor: FloatTensor, kernels: Kernels): Float32Array | Float64Array {
  const values = valuesOf(tensor);
  return values instanceof Float64Array ? values : toF32(tensor, kernels);
}

/**
 * The tensor of f32 elements, rounded to its type, ties to even. A finite element that would become infinite becomes the
 * largest finite one of the type: what was encoded cannot have been larger.
 */
export function fromF32(
  values: Float32Array<ArrayBuffer>,
  { dtype, shape }: FloatTensorType,
  kernels: Kernels,
): Tensor {
  if (dtype === 'f32') return tensorOf(dtype, shape, values);
  if (dtype === 'f64') return tensorOf(dtype, shape, Float64Array.from(values));
  const bits = new Uint16Array(values.length);
  const overflows = dtype === 'f16' ? kernels.toHalves(values, bits) : kernels.toBfloats(values, bits);
  if (overflows > 0) {
    const infinity = dtype === 'f16' ? 0x7c00 : 0x7f80;
    for (let i = 0; i < bits.length; i++) {
      const all = bits[i] ?? 0;
      if ((all & 0x7fff) === infinity && Math.abs(values[i] ?? 0) !== Infinity) bits[i] = all - 1;
    }
  }
  return tensorOf(dtype, shape, bits);
}

/** How far rounding to an element type may move a number, as a share of it, and at least. */
export const rounding: Readonly<Record<FloatType, { readonly share: number; readonly least: number }>> = {
  f32: { share: 2 ** -24, least: 2 ** -150 },
  f16: { share: 2 ** -11, least: 2 ** -25 },
  bf16: { share: 2 ** -8, least: 2 ** -134 },
  f64: { share: 2 ** -24, least: 2 ** -150 },
};

/** The bits of the elements in words of 16 or 32 bits, as few as an element needs: a view where they are aligned, else a copy. */
export function wordsOf({
  dtype,
  data,
}: {
  readonly dtype: FloatType;
  readonly data: Uint8Array<ArrayBuffer>;
}): Uint16Array | Uint32Array {
  const Words = bytesPerElement[dtype] === 2 ? Uint16Array : Uint32Array;
  const { buffer, byteOffset } = data.byteOffset % Words.BYTES_PER_ELEMENT === 0 ? data : data.slice();
  return new Words(buffer, byteOffset, data.length / Words.BYTES_PER_ELEMENT);
}

/** The tensor with the elements at these places alone, in a row. */
export function take(tensor: FloatTensor, places: Uint32Array): FloatTensor {
  const { dtype } = tensor;
  const taken = { dtype, shape: [places.length], data: new Uint8Array(places.length * bytesPerElement[dtype]) };
  const [from, to] = [wordsOf(tensor), wordsOf(taken)];
  const each = to.length / Math.max(1, places.length);
  for (let i = 0, word = 0; i < places.length; i++) {
    const first = (places[i] as number) * each;
    for (let own = 0; own < each; own++) to[word++] = from[first + own] as number;
  }
  return taken;
}

/** The tensor with these elements at these places and 0 elsewhere: what `take` undoes. */
export function scatter({ data }: Tensor, places: Uint32Array, { dtype, shape }: FloatTensorType): Tensor {
  const all = { dtype, shape, data: new Uint8Array(elementCount(shape) * bytesPerElement[dtype]) };
  const [from, to] = [wordsOf({ dtype, data }), wordsOf(all)];
  const each = from.length / Math.max(1, places.length);
  for (let i = 0, word = 0; i < places.length; i++) {
    const first = (places[i] as number) * each;
    for (let own = 0; own < each; own++) to[first + own] = from[word++] as number;
  }
  return all;
}

/** A finite element that a narrower type cannot hold. */
export function beyond(from: string, to: string): CutpointError {
  const message = `An element of the ${from} tensor is beyond what ${to} holds: choose a codec that keeps it, such as raw.`;
  return new CutpointError('CUT_CODEC', message);
}
