import { describe, expect, it } from 'vitest';
import { calibrateTransform } from './calibrate.js';
import { isTableName, requireFit, requireTable, type TableCut, tableNamed, transformTableName } from './tables.js';

const modelHash = 'a'.repeat(64);
const values = (seed: number) => Float32Array.from({ length: 36 }, (_, i) => Math.sin(i * seed));
const table = calibrateTransform(() => [values(1), values(2)], {
  modelHash,
  cut: 7,
  tensor: 'x',
  geometry: { kind: 'map', channels: 4, height: 3, width: 3 },
  relativeStep: 0.3,
});
const x = { name: 'x', dtype: 'f32', shape: [1, 4, 3, 3] } as const;
const cut: TableCut = { modelHash, index: 7, tensors: [x, { name: 'ids', dtype: 'i64', shape: [1] }] };
const refused = (part: string) =>
  expect.objectContaining({ code: 'CUT_CODEC_TABLE', message: expect.stringContaining(part) });

describe('a table', () => {
  it('is named by specs of transforms alone', () => {
    expect(tableNamed('transform:table=a.b-1')).toBe('a.b-1');
    expect(tableNamed('affine:bits=4')).toBeUndefined();
    expect(() => tableNamed('transform:table=a+rans')).toThrow(expect.objectContaining({ code: 'CUT_USAGE' }));
  });

  it('has a name that ends with what its file hashes to', () => {
    const name = transformTableName('cut7', '0123456789abcdef0123');
    expect(name).toBe('cut7-0123456789abcdef');
    expect(isTableName(name, '0123456789abcdefffff')).toBe(true);
    expect(isTableName(name, '1123456789abcdef0123')).toBe(false);
    expect(isTableName('cut7', '0123456789abcdef0123')).toBe(false);
  });

  it('is found by its name, or what there is instead is said', () => {
    const tables = new Map(Array.from({ length: 20 }, (_, i) => [`t${i}`, table]));
    expect(requireTable(tables, 't3')).toBe(table);
    expect(() => requireTable(tables, 'other')).toThrow(refused('t0, t1, t2, t3, t4, t5, t6, t7 and 12 more'));
    expect(() => requireTable(new Map(), 'other')).toThrow(refused('none'));
  });

  it('fits the tensor of its own cut, whatever else crosses that is no float', () => {
    expect(() => requireFit('t', table, cut)).not.toThrow();
    expect(() => requireFit('t', table, { ...cut, tensors: [{ ...x, shape: [5, 4, 3, 3] }] })).not.toThrow();
  });

  it.each([
    ['another model', { ...cut, modelHash: 'b'.repeat(64) }],
    ['cut 7, not of cut 8', { ...cut, index: 8 }],
    ['"x" alone', { ...cut, tensors: [{ ...x, name: 'y' }] }],
    ['"x" alone', { ...cut, tensors: [x, { ...x, name: 'y' }] }],
    ['"x" alone', { ...cut, tensors: [] }],
    ['another shape', { ...cut, tensors: [{ ...x, shape: [1, 4, 3, 4] }] }],
  ])('does not fit where it is of %s', (part, other) => {
    expect(() => requireFit('t', table, other)).toThrow(refused(part));
  });
});
