import type { DType } from '@cutpoint/core';

/** The element types that onnxruntime-node carries, by its own names. It has no bf16. */
export const dtypeOfOrt: Readonly<Record<string, DType>> = {
  float32: 'f32',
  float64: 'f64',
  float16: 'f16',
  int8: 'i8',
  uint8: 'u8',
  int16: 'i16',
  uint16: 'u16',
  int32: 'i32',
  uint32: 'u32',
  int64: 'i64',
  uint64: 'u64',
  bool: 'bool',
};

export const ortOfDtype: Readonly<Partial<Record<DType, string>>> = Object.fromEntries(
  Object.entries(dtypeOfOrt).map(([ort, dtype]) => [dtype, ort]),
);
