import { bytesPerElement, type DType } from './dtype.js';
import { CutpointError } from './errors.js';

/** A dense tensor in row-major order; `data` holds the elements as little-endian bytes. */
export interface Tensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: Uint8Array<ArrayBuffer>;
}

/** Tensors by name. A map, not an object: names come from models and from the network. */
export type NamedTensors = ReadonlyMap<string, Tensor>;

/** What a segment expects or gives: a dimension is a size, a symbolic name, or unknown (null). */
export interface TensorSpec {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly (number | string | null)[];
}

/** Number of elements of a shape; the empty shape is a scalar and has one. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

/** Number of bytes a tensor of this type and shape takes. */
export function byteLength(dtype: DType, shape: readonly number[]): number {
  return elementCount(shape) * bytesPerElement[dtype];
}

/** The typed array that holds elements of each type; f16 and bf16 are held as their bit patterns. */
const arrayTypes = {
  f32: Float32Array,
  f64: Float64Array,
  f16: Uint16Array,
  bf16: Uint16Array,
  i8: Int8Array,
  u8: Uint8Array,
  i16: Int16Array,
  u16: Uint16Array,
  i32: Int32Array,
  u32: Uint32Array,
  i64: BigInt64Array,
  u64: BigUint64Array,
  bool: Uint8Array,
} as const satisfies Record<DType, unknown>;

/** The typed array of an element type, e.g. `Float32Array` for `f32`. */
export type TypedArrayOf<D extends DType> = InstanceType<(typeof arrayTypes)[D]>;
export type AnyTypedArray = TypedArrayOf<DType>;

/**
 * Makes a tensor from a typed array without copying.
 * @example tensorOf('f32', [1, 3], new Float32Array([1, 2, 3]))
 * @throws CutpointError CUT_INPUT if the number of bytes does not fit the shape.
 */
export function tensorOf(dtype: DType, shape: readonly number[], values: ArrayBufferView<ArrayBuffer>): Tensor {
  const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const expected = byteLength(dtype, shape);
  if (data.byteLength !== expected) {
    throw new CutpointError(
      'CUT_INPUT',
      `A ${dtype} tensor of shape [${shape.join(', ')}] takes ${expected} bytes, but ${data.byteLength} were given.`,
    );
  }
  return { dtype, shape, data };
}

/** The elements of a tensor as a typed array: a view where the bytes are aligned, else a copy. */
export function valuesOf(tensor: Tensor): AnyTypedArray {
  const size = bytesPerElement[tensor.dtype];
  const aligned = tensor.data.byteOffset % size === 0 ? tensor.data : tensor.data.slice();
  return new arrayTypes[tensor.dtype](aligned.buffer, aligned.byteOffset, aligned.byteLength / size);
}

/** The elements of an f32 tensor. @throws CutpointError CUT_INPUT for another element type. */
export function f32Values(tensor: Tensor): Float32Array<ArrayBuffer> {
  const values = valuesOf(tensor);
  if (values instanceof Float32Array) return values;
  throw new CutpointError('CUT_INPUT', `An f32 tensor is needed here, not ${tensor.dtype}.`);
}

/** `f32[1, 3, 224, 224]`: how tensors are named in messages. */
export function describeType(dtype: string, shape: readonly (number | string | null)[]): string {
  return `${dtype}[${shape.map((dim) => dim ?? '?').join(', ')}]`;
}
