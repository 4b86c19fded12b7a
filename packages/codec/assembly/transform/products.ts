/** Products in binary64, each sum in the order of its index; defined in src/transform/matrix.ts. */

/** `out[i][p] = sum over j of transposed[j][i] * input[j][p]`, i below `rows`, j below `inner`, p below `columns`. */
export function multiply(out: usize, transposed: usize, input: usize, rows: i32, inner: i32, columns: i32): void {
  if (rows < 4 || columns < 4) {
    multiplyFew(out, transposed, input, rows, inner, columns);
    return;
  }
  for (let row = 0; row < rows; row += 4) {
    // The last block begins where it still fits, and does again what the one before it has done.
    const i = <usize>min(row, rows - 4) * 8;
    for (let column = 0; column < columns; column += 4) {
      const p = <usize>min(column, columns - 4) * 8;
      multiplyBlock(
        out + i * <usize>columns + p,
        transposed + i,
        input + p,
        <usize>rows * 8,
        inner,
        <usize>columns * 8,
      );
    }
  }
}

/** Four rows and four columns of a product. */
function multiplyBlock(
  out: usize,
  transposed: usize,
  input: usize,
  transposedBytes: usize,
  inner: i32,
  inputBytes: usize,
): void {
  let a0 = f64x2.splat(0);
  let a1 = f64x2.splat(0);
  let b0 = f64x2.splat(0);
  let b1 = f64x2.splat(0);
  let c0 = f64x2.splat(0);
  let c1 = f64x2.splat(0);
  let d0 = f64x2.splat(0);
  let d1 = f64x2.splat(0);
  for (let j = 0; j < inner; j++, transposed += transposedBytes, input += inputBytes) {
    const x = v128.load(input);
    const y = v128.load(input, 16);
    const a = v128.load64_splat(transposed);
    a0 = f64x2.add(a0, f64x2.mul(a, x));
    a1 = f64x2.add(a1, f64x2.mul(a, y));
    const b = v128.load64_splat(transposed, 8);
    b0 = f64x2.add(b0, f64x2.mul(b, x));
    b1 = f64x2.add(b1, f64x2.mul(b, y));
    const c = v128.load64_splat(transposed, 16);
    c0 = f64x2.add(c0, f64x2.mul(c, x));
    c1 = f64x2.add(c1, f64x2.mul(c, y));
    const d = v128.load64_splat(transposed, 24);
    d0 = f64x2.add(d0, f64x2.mul(d, x));
    d1 = f64x2.add(d1, f64x2.mul(d, y));
  }
  storeFour(out, a0, a1);
  storeFour(out + inputBytes, b0, b1);
  storeFour(out + 2 * inputBytes, c0, c1);
  storeFour(out + 3 * inputBytes, d0, d1);
}

function storeFour(out: usize, first: v128, last: v128): void {
  v128.store(out, first);
  v128.store(out, last, 16);
}

/** Where a side is short. Sums lie in `out`, so that the factors are read as they lie. */
function multiplyFew(out: usize, transposed: usize, input: usize, rows: i32, inner: i32, columns: i32): void {
  memory.fill(out, 0, <usize>rows * columns * 8);
  const columnBytes = <usize>columns * 8;
  for (let j = 0; j < inner; j++, transposed += <usize>rows * 8) {
    for (let p = 0; p < columns; p++, input += 8) {
      const x = load<f64>(input);
      let to = out + <usize>p * 8;
      for (let i = 0; i < rows; i++, to += columnBytes) {
        store<f64>(to, load<f64>(to) + load<f64>(transposed + <usize>i * 8) * x);
      }
    }
  }
}

/**
 * Applies `vertical` (place j, result i) to the columns and `horizontal` to the rows of each map, in place.
 * @param turned room for one map
 */
export function multiplyMaps(
  maps: usize,
  turned: usize,
  count: i32,
  height: i32,
  width: i32,
  vertical: usize,
  horizontal: usize,
): void {
  const mapBytes = <usize>height * width * 8;
  for (let map = 0; map < count; map++, maps += mapBytes) {
    multiply(turned, maps, vertical, width, height, height);
    multiply(maps, turned, horizontal, height, width, width);
  }
}
