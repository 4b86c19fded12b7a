import { tensorOf } from '@cutpoint/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checksum } from '../kernels/checksum.js';
import { calibrateTransform } from './calibrate.js';
import { transformCodec } from './codec.js';
import { parseTransformTable, printTransformTable } from './table-file.js';

const values = (seed: number) => Float32Array.from({ length: 36 }, (_, i) => Math.sin(i * seed) * (1 + (i % 4)));
const geometries = [
  { kind: 'map', channels: 4, height: 3, width: 3 } as const,
  { kind: 'sequence', channels: 4 } as const,
];
const tables = geometries.map((geometry) =>
  calibrateTransform(() => [values(1), values(2), values(3)], {
    modelHash: 'f'.repeat(64),
    cut: 12,
    tensor: 'café/out',
    geometry,
    relativeStep: 0.4,
  }),
);
const refused = expect.objectContaining({ code: 'CUT_CODEC_TABLE' });

describe.each(tables)('the file of a table for a $geometry.kind', (table) => {
  const bytes = printTransformTable(table);

  it('gives the table back, and a codec that makes the same bytes', () => {
    const read = parseTransformTable(bytes);
    expect(read).toEqual(table);
    const tensor = tensorOf('f32', table.geometry.kind === 'map' ? [1, 4, 3, 3] : [9, 4], values(5));
    expect(transformCodec('a', read).encode(tensor)).toEqual(transformCodec('a', table).encode(tensor));
  });

  it('is refused when cut short or changed', () => {
    for (let length = 0; length < bytes.length; length += 7) {
      expect(() => parseTransformTable(bytes.subarray(0, length))).toThrow(refused);
    }
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = bytes.slice();
        changed[at] = (changed[at] ?? 0) ^ change;
        expect(() => parseTransformTable(changed)).toThrow(refused);
      }),
    );
  });

  it('gives a table or is refused when someone changes it on purpose', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(bytes.length - 5), fc.nat(255)), { minLength: 1, maxLength: 3 }),
        (changes) => {
          const changed = bytes.slice();
          for (const [at, value] of changes) changed[at] = value;
          new DataView(changed.buffer).setUint32(changed.length - 4, checksum(changed.subarray(0, -4)), true);
          try {
            expect(parseTransformTable(changed).classes).toHaveLength(64);
          } catch (error) {
            expect(error).toMatchObject({ code: 'CUT_CODEC_TABLE' });
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
