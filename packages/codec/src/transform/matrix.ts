/**
 * Products in binary64, each sum in the order of its index: the same bits on every machine. Blocks of outputs are
 * computed together, as that is several times faster and changes no sum.
 */

/** `out[i][p] = sum over j of transposed[j][i] * input[j][p]`, i below `rows`, j below `inner`, p below `columns`. */
export function multiply(
  out: Float64Array,
  transposed: Float64Array,
  input: Float64Array,
  { rows, inner, columns }: { rows: number; inner: number; columns: number },
): void {
  let i = 0;
  for (; i + 4 <= rows; i += 4) {
    let p = 0;
    for (; p + 2 <= columns; p += 2) {
      let a0 = 0;
      let a1 = 0;
      let b0 = 0;
      let b1 = 0;
      let c0 = 0;
      let c1 = 0;
      let d0 = 0;
      let d1 = 0;
      for (let j = 0, at = i, from = p; j < inner; j++, at += rows, from += columns) {
        const x = input[from] as number;
        const y = input[from + 1] as number;
        const a = transposed[at] as number;
        const b = transposed[at + 1] as number;
        const c = transposed[at + 2] as number;
        const d = transposed[at + 3] as number;
        a0 += a * x;
        a1 += a * y;
        b0 += b * x;
        b1 += b * y;
        c0 += c * x;
        c1 += c * y;
        d0 += d * x;
        d1 += d * y;
      }
      const to = i * columns + p;
      out[to] = a0;
      out[to + 1] = a1;
      out[to + columns] = b0;
      out[to + columns + 1] = b1;
      out[to + 2 * columns] = c0;
      out[to + 2 * columns + 1] = c1;
      out[to + 3 * columns] = d0;
      out[to + 3 * columns + 1] = d1;
    }
    for (; p < columns; p++) for (let r = i; r < i + 4; r++) single(out, transposed, input, r, p, rows, inner, columns);
  }
  for (; i < rows; i++) for (let p = 0; p < columns; p++) single(out, transposed, input, i, p, rows, inner, columns);
}

function single(
  out: Float64Array,
  transposed: Float64Array,
  input: Float64Array,
  i: number,
  p: number,
  rows: number,
  inner: number,
  columns: number,
): void {
  let sum = 0;
  for (let j = 0; j < inner; j++) sum += (transposed[j * rows + i] as number) * (input[j * columns + p] as number);
  out[i * columns + p] = sum;
}

/** The transpose of a rows x columns matrix, widened to binary64. */
export function transposeOf(matrix: ArrayLike<number>, rows: number, columns: number): Float64Array<ArrayBuffer> {
  const out = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = matrix[i * columns + j] ?? 0;
  return out;
}

/** How far a square matrix is from orthonormal: the Frobenius norm of (transpose x matrix - identity). */
export function defectOf(matrix: ArrayLike<number>, size: number): number {
  const wide = Float64Array.from(matrix);
  const product = new Float64Array(size * size);
  multiply(product, wide, wide, { rows: size, inner: size, columns: size });
  let sum = 0;
  for (let i = 0; i < product.length; i++) sum += ((product[i] ?? 0) - (i % (size + 1) === 0 ? 1 : 0)) ** 2;
  return Math.sqrt(sum);
}
