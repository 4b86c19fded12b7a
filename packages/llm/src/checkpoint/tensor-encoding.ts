/**
 * How elements are stored in checkpoints. The quantised ones are ggml's: rows of blocks, each some elements in some bytes
 * (https://github.com/ggml-org/ggml, ggml-common.h).
 */
export const encodings = {
  f32: { elements: 1, bytes: 4 },
  f16: { elements: 1, bytes: 2 },
  bf16: { elements: 1, bytes: 2 },
  q4_0: { elements: 32, bytes: 18 },
  q8_0: { elements: 32, bytes: 34 },
  q4_k: { elements: 256, bytes: 144 },
  q5_k: { elements: 256, bytes: 176 },
  q6_k: { elements: 256, bytes: 210 },
} as const satisfies Record<string, { elements: number; bytes: number }>;

export type TensorEncoding = keyof typeof encodings;

/** Bytes of a row of so many elements, which are whole blocks. */
export function rowBytes(encoding: TensorEncoding, columns: number): number {
  const { elements, bytes } = encodings[encoding];
  return (columns / elements) * bytes;
}
