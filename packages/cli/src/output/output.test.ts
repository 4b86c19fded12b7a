import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fields, table } from './table.js';
import { formatBytes, formatMs } from './units.js';

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
