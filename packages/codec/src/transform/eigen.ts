/**
 * The eigenvectors of a symmetric matrix by cyclic Jacobi rotations (Golub and Van Loan, Matrix Computations, section
 * 8.5), as rows, by descending eigenvalue; the first entry of each that is largest in size is positive. Slow beyond about
 * 500 rows.
 */
export function eigenvectorsOf(symmetric: Float64Array, size: number): Float64Array<ArrayBuffer> {
  const a = Float64Array.from(symmetric);
  const vectors = new Float64Array(size * size);
  for (let i = 0; i < size; i++) vectors[i * size + i] = 1;
  const whole = a.reduce((sum, value) => sum + value * value, 0);
  for (let sweep = 0; sweep < 60 && offDiagonal(a, size) > 1e-26 * whole; sweep++) {
    for (let p = 0; p < size; p++) for (let q = p + 1; q < size; q++) rotate(a, vectors, size, p, q);
  }
  const order = Array.from({ length: size }, (_, i) => i).sort((i, j) => at(a, size, j, j) - at(a, size, i, i));
  const sorted = new Float64Array(size * size);
  for (const [to, from] of order.entries())
    sorted.set(upright(vectors.subarray(from * size, (from + 1) * size)), to * size);
  return sorted;
}

function at(matrix: Float64Array, size: number, row: number, column: number): number {
  return matrix[row * size + column] ?? 0;
}

function offDiagonal(a: Float64Array, size: number): number {
  let sum = 0;
  for (let p = 0; p < size; p++) for (let q = p + 1; q < size; q++) sum += 2 * at(a, size, p, q) ** 2;
  return sum;
}

/** One rotation that turns the entry (p, q) to zero. */
function rotate(a: Float64Array, vectors: Float64Array, size: number, p: number, q: number): void {
  const entry = at(a, size, p, q);
  if (entry === 0) return;
  const half = (at(a, size, q, q) - at(a, size, p, p)) / (2 * entry);
  const tangent = (half >= 0 ? 1 : -1) / (Math.abs(half) + Math.sqrt(half * half + 1));
  const cosine = 1 / Math.sqrt(tangent * tangent + 1);
  const sine = tangent * cosine;
  const pRow = p * size;
  const qRow = q * size;
  for (let k = 0, pk = p, qk = q; k < size; k++, pk += size, qk += size) {
    const x = a[pk] as number;
    const y = a[qk] as number;
    a[pk] = cosine * x - sine * y;
    a[qk] = sine * x + cosine * y;
  }
  for (const m of [a, vectors]) {
    for (let k = 0; k < size; k++) {
      const x = m[pRow + k] as number;
      const y = m[qRow + k] as number;
      m[pRow + k] = cosine * x - sine * y;
      m[qRow + k] = sine * x + cosine * y;
    }
  }
}

function upright(vector: Float64Array): Float64Array {
  let largest = 0;
  for (const value of vector) if (Math.abs(value) > Math.abs(largest)) largest = value;
  return largest < 0 ? vector.map((value) => -value) : vector;
}
