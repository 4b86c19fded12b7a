import type { Picture } from '@cutpoint/picture';
import { describe, expect, it } from 'vitest';
import { drawBraille } from './braille.js';

/** A picture of the given rows, where # is dark; every character becomes one dot. */
function pictureOf(rows: readonly string[], shade: (dark: boolean, x: number) => number): Picture {
  const width = rows[0]?.length ?? 0;
  const values = rows.flatMap((row) => [...row].flatMap((char, x) => Array<number>(3).fill(shade(char === '#', x))));
  return { width, height: rows.length, channels: 3, data: Uint8Array.from(values) };
}

const rows = ['#.......', '#......#', '........', '...#...#', '........', '........', '........', '........'];

describe('drawing with braille', () => {
  it('sets a dot where the picture is dark and leaves empty lines out', () => {
    expect(
      drawBraille(
        pictureOf(rows, (dark) => (dark ? 0 : 255)),
        4,
      ),
    ).toEqual(['⠃⢀⠀⢐']);
  });

  it('follows an uneven light', () => {
    const drawn = drawBraille(
      pictureOf(rows, (dark, x) => 100 + x * 10 - (dark ? 90 : 0)),
      4,
    );
    expect(drawn).toEqual(['⠃⢀⠀⢐']);
  });

  it('is as wide as asked and keeps the proportions', () => {
    const wide = pictureOf(
      Array.from({ length: 40 }, () => '#.'.repeat(100)),
      (dark) => (dark ? 0 : 255),
    );
    const drawn = drawBraille({ ...wide, data: wide.data.map((byte, at) => (at < 12_000 ? byte : 255)) }, 50);
    expect(drawn.every((line) => line.length === 50)).toBe(true);
    expect(drawn.length).toBeLessThanOrEqual(5);
  });
});
