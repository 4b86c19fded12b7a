import type { DType } from '@cutpoint/core';

/** TensorProto.DataType numbers (ONNX IR) of the element types that can cross a cut. */
const numbers = {
  f32: 1,
  u8: 2,
  i8: 3,
  u16: 4,
  i16: 5,
  i32: 6,
  i64: 7,
  bool: 9,
  f16: 10,
  f64: 11,
  u32: 12,
  u64: 13,
  bf16: 16,
} as const satisfies Record<DType, number>;

const dtypes = new Map<number, DType>(Object.entries(numbers).map(([dtype, number]) => [number, dtype as DType]));

/** Bits per element of every TensorProto.DataType with a fixed size, 4-bit and 8-bit floats included. */
const bits = new Map<number, number>([
  [1, 32],
  [2, 8],
  [3, 8],
  [4, 16],
  [5, 16],
  [6, 32],
  [7, 64],
  [9, 8],
  [10, 16],
  [11, 64],
  [12, 32],
  [13, 64],
  [14, 64],
  [15, 128],
  [16, 16],
  [17, 8],
  [18, 8],
  [19, 8],
  [20, 8],
  [21, 4],
  [22, 4],
  [23, 4],
  [24, 8],
  [25, 2],
  [26, 2],
]);

/** The element type of a TensorProto.DataType number, or undefined if it cannot cross a cut. */
export function dtypeOf(dataType: number): DType | undefined {
  return dtypes.get(dataType);
}

/** The TensorProto.DataType number of an element type. */
export function dataTypeOf(dtype: DType): number {
  return numbers[dtype];
}

/** Bits per element of a TensorProto.DataType number; undefined for strings and unknown types. */
export function bitsPerElement(dataType: number): number | undefined {
  return bits.get(dataType);
}
