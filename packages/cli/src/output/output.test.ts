import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fields, table } from './table.js';
import { describeTensors } from './tensors.js';
import { byteColumn, formatBitRate, formatBytes, formatMs, msColumn } from './units.js';

describe('units', () => {
  it('are those a person reads', () => {
    expect([0, 999, 1_000, 1_240_000, 999_999, 14_000_000_000].map(formatBytes)).toEqual([
      '0 B',
      '999 B',
      '1 KB',
      '1.24 MB',
      '1 MB',
      '14 GB',
    ]);
    expect([0.0841, 0.9999, 3.21, 45.67, 123.4, 1500].map(formatMs)).toEqual([
      '84.1 µs',
      '1 ms',
      '3.21 ms',
      '45.7 ms',
      '123 ms',
      '1.5 s',
    ]);
  });

  it.each([
    [125, '1 kbit/s'],
    [30e3, '240 kbit/s'],
    [6.75e6, '54 Mbit/s'],
    [307.5e6, '2.46 Gbit/s'],
    [40e9, '320 Gbit/s'],
  ])('tell the rate of a link in bits (%d bytes per second)', (bytesPerS, text) => {
    expect(formatBitRate(bytesPerS)).toBe(text);
  });

  it('keep three digits of any number of bytes', () => {
    fc.assert(
      fc.property(fc.nat({ max: 1e14 }), (bytes) => {
        const [value, unit] = formatBytes(bytes).split(' ');
        const scale = 1000 ** ['B', 'KB', 'MB', 'GB', 'TB'].indexOf(unit ?? '');
        expect(Math.abs(Number(value) * scale - bytes)).toBeLessThanOrEqual(bytes * 0.006);
      }),
    );
  });
});

it('tensors are named by their types, equal ones counted', () => {
  const a = { dtype: 'f32', shape: [1, 8] };
  expect(describeTensors([a, { dtype: 'i64', shape: [] }, a])).toBe('2 x f32[1, 8] + i64[]');
  expect(describeTensors([])).toBe('');
});

describe('columns of numbers', () => {
  it('have one unit and one number of decimals, and show the smallest value', () => {
    expect(byteColumn([602_112, 4_816_896, 0])).toEqual(['0.60 MB', '4.82 MB', '0 MB']);
    expect(byteColumn([4_816_896, 5_000])).toEqual(['4.817 MB', '0.005 MB']);
    expect(byteColumn([4_816_896, 4])).toEqual(['4816.896 KB', '0.004 KB']);
    expect(byteColumn([768, 4, 0])).toEqual(['768 B', '4 B', '0 B']);
    expect(byteColumn([0, 0])).toEqual(['0 B', '0 B']);
    expect(byteColumn([])).toEqual([]);
    expect(msColumn([12.3, 0.084, 18.4])).toEqual(['12.300 ms', '0.084 ms', '18.400 ms']);
    expect(msColumn([0.5, 0.02])).toEqual(['500 µs', '20 µs']);
  });

  it('lose no value that is not zero, unless it is less than a billionth of another', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 1e9 }), { minLength: 1 }), (bytes) => {
        const cells = byteColumn(bytes).map((cell) => cell.split(' '));
        expect(new Set(cells.map(([, unit]) => unit)).size).toBe(1);
        const decimals = cells.filter(([value]) => value !== '0').map(([value]) => value?.split('.')[1]?.length);
        expect(new Set(decimals).size).toBeLessThanOrEqual(1);
        expect(cells.map(([value]) => Number(value) > 0)).toEqual(bytes.map((value) => value > 0));
      }),
    );
  });
});

describe('tables', () => {
  it('align their columns and do not count colour codes', () => {
    const red = (text: string) => `\u001b[31m${text}\u001b[39m`;
    const text = table(
      [{ name: 'CUT', align: 'right' }, { name: 'NAME' }, { name: 'BYTES', align: 'right' }],
      [
        ['7', red('conv'), '1.2 MB'],
        ['12', 'relu_long', '3 B'],
      ],
    );
    expect(text).toBe(`CUT  NAME        BYTES\n  7  ${red('conv')}       1.2 MB\n 12  relu_long     3 B\n`);
  });

  it('have only headings where there are no rows', () => {
    expect(table([{ name: 'A' }, { name: 'B' }], [])).toBe('A  B\n');
    expect(fields([])).toBe('');
  });

  it('of fields align the values', () => {
    expect(
      fields([
        ['send', '1 ms'],
        ['decode', '2 ms'],
      ]),
    ).toBe('send    1 ms\ndecode  2 ms\n');
  });
});
