/** The last `rows` rows of logits [.., size], one array each. */
export function lastRows(logits: Float32Array, rows: number, size: number): Float32Array[] {
  const from = logits.length - rows * size;
  return Array.from({ length: rows }, (_, row) => logits.subarray(from + row * size, from + (row + 1) * size));
}
