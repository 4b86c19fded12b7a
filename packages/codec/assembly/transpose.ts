/** Turns rows into columns. Both ends are whole blocks apart or, where a side is short, taken one by one. */

/** f32: `to[column][row] = from[row][column]`. */
export function transposeNumbers(from: usize, to: usize, rows: i32, columns: i32): void {
  if (rows < 4 || columns < 4) {
    transposeFewNumbers(from, to, rows, columns);
    return;
  }
  const rowBytes = <usize>columns * 4;
  const columnBytes = <usize>rows * 4;
  for (let column = 0; column < columns; column += 4) {
    // The last block begins where it still fits, and does again what the one before it has done.
    const x = min(column, columns - 4);
    for (let row = 0; row < rows; row += 4) {
      const y = min(row, rows - 4);
      const source = from + <usize>y * rowBytes + <usize>x * 4;
      const target = to + <usize>x * columnBytes + <usize>y * 4;
      transposeFour(source, target, rowBytes, columnBytes);
    }
  }
}

function transposeFour(from: usize, to: usize, rowBytes: usize, columnBytes: usize): void {
  const a = v128.load(from);
  const b = v128.load(from + rowBytes);
  const c = v128.load(from + 2 * rowBytes);
  const d = v128.load(from + 3 * rowBytes);
  const ab = i32x4.shuffle(a, b, 0, 4, 1, 5);
  const abHigh = i32x4.shuffle(a, b, 2, 6, 3, 7);
  const cd = i32x4.shuffle(c, d, 0, 4, 1, 5);
  const cdHigh = i32x4.shuffle(c, d, 2, 6, 3, 7);
  v128.store(to, i64x2.shuffle(ab, cd, 0, 2));
  v128.store(to + columnBytes, i64x2.shuffle(ab, cd, 1, 3));
  v128.store(to + 2 * columnBytes, i64x2.shuffle(abHigh, cdHigh, 0, 2));
  v128.store(to + 3 * columnBytes, i64x2.shuffle(abHigh, cdHigh, 1, 3));
}

function transposeFewNumbers(from: usize, to: usize, rows: i32, columns: i32): void {
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, from += 4) {
      store<u32>(to + (<usize>column * rows + row) * 4, load<u32>(from));
    }
  }
}

/** Bytes: `to[column][row] = from[row][column]`. */
export function transposeBytes(from: usize, to: usize, rows: i32, columns: i32): void {
  if (rows < 8 || columns < 8) {
    transposeFewBytes(from, to, rows, columns);
    return;
  }
  for (let column = 0; column < columns; column += 8) {
    const x = min(column, columns - 8);
    for (let row = 0; row < rows; row += 8) {
      const y = min(row, rows - 8);
      transposeEight(from + <usize>y * columns + x, to + <usize>x * rows + y, columns, rows);
    }
  }
}

function transposeEight(from: usize, to: usize, rowBytes: usize, columnBytes: usize): void {
  const ab = zipBytes(v128.load64_zero(from), v128.load64_zero(from + rowBytes));
  const cd = zipBytes(v128.load64_zero(from + 2 * rowBytes), v128.load64_zero(from + 3 * rowBytes));
  const ef = zipBytes(v128.load64_zero(from + 4 * rowBytes), v128.load64_zero(from + 5 * rowBytes));
  const gh = zipBytes(v128.load64_zero(from + 6 * rowBytes), v128.load64_zero(from + 7 * rowBytes));
  const abcd = i16x8.shuffle(ab, cd, 0, 8, 1, 9, 2, 10, 3, 11);
  const abcdHigh = i16x8.shuffle(ab, cd, 4, 12, 5, 13, 6, 14, 7, 15);
  const efgh = i16x8.shuffle(ef, gh, 0, 8, 1, 9, 2, 10, 3, 11);
  const efghHigh = i16x8.shuffle(ef, gh, 4, 12, 5, 13, 6, 14, 7, 15);
  storeTwo(to, columnBytes, i32x4.shuffle(abcd, efgh, 0, 4, 1, 5));
  storeTwo(to + 2 * columnBytes, columnBytes, i32x4.shuffle(abcd, efgh, 2, 6, 3, 7));
  storeTwo(to + 4 * columnBytes, columnBytes, i32x4.shuffle(abcdHigh, efghHigh, 0, 4, 1, 5));
  storeTwo(to + 6 * columnBytes, columnBytes, i32x4.shuffle(abcdHigh, efghHigh, 2, 6, 3, 7));
}

function zipBytes(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}

function storeTwo(to: usize, apart: usize, columns: v128): void {
  v128.store64_lane(to, columns, 0);
  v128.store64_lane(to + apart, columns, 1);
}

function transposeFewBytes(from: usize, to: usize, rows: i32, columns: i32): void {
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, from++) {
      store<u8>(to + <usize>column * rows + row, load<u8>(from));
    }
  }
}
