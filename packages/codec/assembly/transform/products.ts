/** Products in binary64, each sum in the order of its index; defined in src/transform/matrix.ts. */

/** Rows, and columns, of a block. */
const side = 4;
const blockBytes = side * 8;

/** `out[i][p] = sum over j of transposed[j][i] * input[j][p]`, i below `rows`, j below `inner`, p below `columns`. */
export function multiply(out: usize, transposed: usize, input: usize, rows: i32, inner: i32, columns: i32): void {
  if (rows < side || columns < side) {
    multiplyFew(out, transposed, input, rows, inner, columns);
    return;
  }
  const rowBytes = <usize>columns * 8;
  for (let row = 0; row < rows; row += side) {
    const i = firstOf(row, rows);
    for (let column = 0; column < columns; column += side) {
      const p = firstOf(column, columns);
      const to = out + i * <usize>columns + p;
      multiplyBlock(to, rowBytes, transposed + i, <usize>rows * 8, inner, input + p, rowBytes);
    }
  }
}

/**
 * As `multiply`, for factors too large for the nearest cache: what a block takes is copied together before.
 * @param room for `inner` rows of both factors' blocks: 8 * inner * (columns + 7) bytes
 */
export function multiplyLarge(
  out: usize,
  transposed: usize,
  input: usize,
  rows: i32,
  inner: i32,
  columns: i32,
  room: usize,
): void {
  if (rows < side || columns < side) {
    multiplyFew(out, transposed, input, rows, inner, columns);
    return;
  }
  const panelBytes = <usize>inner * blockBytes;
  const rowBytes = <usize>columns * 8;
  const panels = room + panelBytes;
  for (let column = 0, panel = panels; column < columns; column += side, panel += panelBytes) {
    gatherPanel(input + firstOf(column, columns), rowBytes, inner, panel);
  }
  for (let row = 0; row < rows; row += side) {
    const i = firstOf(row, rows);
    gatherPanel(transposed + i, <usize>rows * 8, inner, room);
    for (let column = 0, panel = panels; column < columns; column += side, panel += panelBytes) {
      const to = out + i * <usize>columns + firstOf(column, columns);
      multiplyBlock(to, rowBytes, room, blockBytes, inner, panel, blockBytes);
    }
  }
}

/** Where a block begins, in bytes. The last one begins where it still fits, and does again what the one before it has done. */
function firstOf(place: i32, count: i32): usize {
  return <usize>min(place, count - side) * 8;
}

/** Copies the same four numbers of each row together. */
function gatherPanel(from: usize, rowBytes: usize, rows: i32, to: usize): void {
  const end = to + <usize>rows * blockBytes;
  for (; to < end; to += blockBytes, from += rowBytes) {
    v128.store(to, v128.load(from));
    v128.store(to, v128.load(from, 16), 16);
  }
}

/** Four rows and four columns of a product. */
function multiplyBlock(
  out: usize,
  outBytes: usize,
  transposed: usize,
  transposedBytes: usize,
  inner: i32,
  input: usize,
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
  storeFour(out + outBytes, b0, b1);
  storeFour(out + 2 * outBytes, c0, c1);
  storeFour(out + 3 * outBytes, d0, d1);
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
