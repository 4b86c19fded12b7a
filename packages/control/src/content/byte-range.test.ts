import fc from 'fast-check';
import { expect, test } from 'vitest';
import { byteRangeOf } from './byte-range.js';

test('what a range covers is what a slice of the file is', () => {
  const position = fc.option(fc.nat(30), { nil: undefined });
  fc.assert(
    fc.property(fc.nat(20), position, position, (bytes, from, to) => {
      const file = Array.from({ length: bytes }, (_, i) => i);
      const range = byteRangeOf(`bytes=${from ?? ''}-${to ?? ''}`, bytes);
      if ((from === undefined && to === undefined) || (from !== undefined && to !== undefined && to < from)) {
        expect(range).toBeUndefined();
        return;
      }
      const wanted =
        from === undefined ? file.slice(bytes - Math.min(to ?? 0, bytes)) : file.slice(from, (to ?? bytes) + 1);
      if (wanted.length === 0) expect(range).toBe('unsatisfiable');
      else expect(range).toEqual({ start: wanted[0], end: wanted.at(-1) });
    }),
  );
});

test.each([
  undefined,
  '',
  'bytes',
  'bytes=',
  'bytes=-',
  'bytes=0-1,3-4',
  'bytes=a-b',
  'items=0-1',
  'bytes=1-0',
  'bytes=0-9e9',
])('the whole file answers %s', (header) => {
  expect(byteRangeOf(header, 10)).toBeUndefined();
});
