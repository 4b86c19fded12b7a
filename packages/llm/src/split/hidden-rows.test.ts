import type { CutpointError } from '@cutpoint/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeHidden, encodeHidden } from './hidden-rows.js';

const size = 8;
const rowsOf = (count: number) => Float32Array.from({ length: count * size }, (_, i) => Math.sin(i) * (1 + (i % 5)));

describe.each(['raw', 'f16', 'affine:bits=8,per=token', 'ts-tabq:delta=1e-3+rans'])('hidden states by %s', (codec) => {
  it('are so many rows again', () => {
    const rows = rowsOf(3);
    const bytes = encodeHidden(codec, rows.slice(), size);
    const found = decodeHidden(codec, bytes, 3, size);
    expect(found).toHaveLength(rows.length);
    const error = Math.max(...found.map((value, i) => Math.abs(value - (rows[i] ?? 0))));
    expect(error).toBeLessThan(codec === 'raw' ? 1e-30 : 0.5);
  });

  it('are refused where they are other than was said', () => {
    const bytes = encodeHidden(codec, rowsOf(3), size);
    for (const rows of [1, 2, 4, 300]) expect(() => decodeHidden(codec, bytes, rows, size)).toThrow();
    expect(() => decodeHidden(codec, bytes, 3, size + 1)).toThrow();
  });

  it('are refused in one sentence, or are numbers, whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4 * 2 * size }), (bytes) => {
        try {
          expect(decodeHidden(codec, new Uint8Array(bytes), 2, size)).toHaveLength(2 * size);
        } catch (thrown) {
          expect(['CUT_INPUT', 'CUT_CODEC_PAYLOAD']).toContain((thrown as CutpointError).code);
        }
      }),
      { numRuns: 500 },
    );
  });
});
