import type { Picture } from '@cutpoint/picture';

/** Bit of each of a braille cell's 2 x 4 dots, by row and column (Unicode 6.2, section 15.10). */
const dotBits = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
] as const;

/** A dot is set where the picture is darker than its surroundings by this part of the picture's contrast. */
const inkDepth = 0.22;

/**
 * Draws a picture of dark writing with braille characters, at most `columns` wide: each holds 2 x 4 dots. A dot is
 * set where the picture is clearly darker than its surroundings, so uneven light does not matter.
 */
export function drawBraille(picture: Picture, columns: number): string[] {
  const dotsWide = Math.min(columns * 2, picture.width);
  const dotsHigh = Math.max(1, Math.round((picture.height * dotsWide) / picture.width));
  const grey = shrink(picture, dotsWide, dotsHigh);
  const ink = findInk(grey, dotsWide, dotsHigh);
  const lines: string[] = [];
  for (let top = 0; top < dotsHigh; top += 4) {
    let line = '';
    for (let left = 0; left < dotsWide; left += 2) line += cell(ink, dotsWide, dotsHigh, left, top);
    lines.push(line);
  }
  return withoutMargins(lines);
}

/** Leaves out the empty lines at the top and at the bottom. */
function withoutMargins(lines: readonly string[]): string[] {
  const hasInk = (line: string) => /[^\u2800]/.test(line);
  return lines.slice(Math.max(0, lines.findIndex(hasInk)), lines.findLastIndex(hasInk) + 1);
}

function cell(ink: readonly boolean[], dotsWide: number, dotsHigh: number, left: number, top: number): string {
  let bits = 0;
  for (const [dy, row] of dotBits.entries()) {
    for (const [dx, bit] of row.entries()) {
      const inside = left + dx < dotsWide && top + dy < dotsHigh;
      if (inside && ink[(top + dy) * dotsWide + left + dx] === true) bits |= bit;
    }
  }
  return String.fromCodePoint(0x2800 + bits);
}

function findInk(grey: Float64Array, width: number, height: number): boolean[] {
  const sorted = grey.toSorted();
  const at = (part: number) => sorted[Math.floor(part * (sorted.length - 1))] ?? 0;
  const depth = (at(0.98) - at(0.02)) * inkDepth;
  // The mean over whole columns of the neighbourhood: a line of text is higher than its letters are thick.
  const columnMeans = Float64Array.from({ length: width }, (_, x) => {
    let sum = 0;
    for (let y = 0; y < height; y++) sum += grey[y * width + x] ?? 0;
    return sum / height;
  });
  return Array.from(grey, (value, index) => {
    const x = index % width;
    const near = columnMeans.subarray(Math.max(0, x - height), x + height + 1);
    return value < near.reduce((sum, mean) => sum + mean, 0) / near.length - depth;
  });
}

/** Mean brightness, 0 to 255, of the picture's pixels under each dot. */
function shrink({ width, height, data }: Picture, dotsWide: number, dotsHigh: number): Float64Array {
  const grey = new Float64Array(dotsWide * dotsHigh);
  for (let row = 0; row < dotsHigh; row++) {
    const [top, bottom] = span(row, dotsHigh, height);
    for (let column = 0; column < dotsWide; column++) {
      const [left, right] = span(column, dotsWide, width);
      let sum = 0;
      for (let y = top; y < bottom; y++)
        for (const byte of data.subarray((y * width + left) * 3, (y * width + right) * 3)) sum += byte;
      grey[row * dotsWide + column] = sum / (3 * (bottom - top) * (right - left));
    }
  }
  return grey;
}

/** The pixels that part `index` of `parts` covers: at least one. */
function span(index: number, parts: number, pixels: number): [from: number, to: number] {
  const from = Math.floor((index * pixels) / parts);
  return [from, Math.max(from + 1, Math.floor(((index + 1) * pixels) / parts))];
}
