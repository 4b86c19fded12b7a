/** Bytes per element of each element type that can cross a cut. Multi-byte values are little-endian. */
export const bytesPerElement = {
  f32: 4,
  f64: 8,
  f16: 2,
  bf16: 2,
  i8: 1,
  u8: 1,
  i16: 2,
  u16: 2,
  i32: 4,
  u32: 4,
  i64: 8,
  u64: 8,
  bool: 1,
} as const satisfies Record<string, number>;

/** Element type of a tensor. */
export type DType = keyof typeof bytesPerElement;

/** True if the text names an element type. */
export function isDType(text: unknown): text is DType {
  return typeof text === 'string' && Object.hasOwn(bytesPerElement, text);
}
