import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dequantiseRows, quantiseRows, type StoredWeight, type WeightContent } from '@cutpoint/llm';
import { writePart } from '@cutpoint/llm/parts';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { columnsOf, rowsOf } from './slice-weight.js';

let folder: string;
let files = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-slice-'));
});

afterAll(() => rm(folder, { recursive: true }));

const matrices = fc.record({
  rows: fc.integer({ min: 1, max: 40 }),
  columns: fc.integer({ min: 1, max: 24 }).map((units) => 16 * units),
  form: fc.oneof(
    fc.record({
      bits: fc.constantFrom(2 as const, 4 as const, 8 as const),
      block: fc.constantFrom(32 as const, 64 as const, 128 as const),
      zeroPoints: fc.boolean(),
    }),
    fc.constant('float' as const),
  ),
  seed: fc.integer({ min: 1, max: 1e6 }),
});
type Matrix = typeof matrices extends fc.Arbitrary<infer T> ? T : never;

/** A matrix in a file of its own. */
async function stored({ rows, columns, form, seed }: Matrix): Promise<{ path: string; weight: StoredWeight }> {
  let state = seed;
  const values = Float32Array.from({ length: rows * columns }, () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2 ** 30 - 1;
  });
  const none = new Uint8Array(0);
  const content: WeightContent =
    form === 'float'
      ? {
          form: { kind: 'float', dtype: 'f32', shape: [rows, columns] },
          pieces: () => [{ values: new Uint8Array(values.buffer), scales: none, zeroPoints: none }],
        }
      : { form: { kind: 'blocks', rows, columns, ...form }, pieces: () => [quantiseRows(values, columns, form)] };
  return await written(content);
}

async function written(content: WeightContent): Promise<{ path: string; weight: StoredWeight }> {
  const path = join(folder, `${files++}.bin`);
  const { weights } = await writePart(path, 'matrix.bin', { matrix: content });
  const { matrix: weight } = weights;
  if (weight === undefined) throw new Error('The matrix was not written.');
  return { path, weight };
}

/** All elements of a matrix in a file, row by row. */
async function elements({ path, weight }: { path: string; weight: StoredWeight }): Promise<number[][]> {
  const bytes = await readFile(path);
  const part = ({ offset, bytes: length }: { offset: number; bytes: number }) =>
    Uint8Array.from(bytes.subarray(offset, offset + length));
  const [rows = 0, columns = 0] = weight.kind === 'float' ? weight.shape : [weight.rows, weight.columns];
  const flat =
    weight.kind === 'float'
      ? new Float32Array(part(weight.span).buffer)
      : dequantiseRows(
          {
            values: part(weight.codes),
            scales: part(weight.scales),
            zeroPoints: weight.zeroPoints === null ? new Uint8Array(0) : part(weight.zeroPoints),
          },
          rows,
          columns,
          { bits: weight.bits, block: weight.block, zeroPoints: weight.zeroPoints !== null },
        );
  return Array.from({ length: rows }, (_, row) => [...flat.subarray(row * columns, (row + 1) * columns)]);
}

describe('a slice of a matrix', () => {
  it('has the very numbers of its rows', async () => {
    await fc.assert(
      fc.asyncProperty(matrices, fc.nat(), fc.nat(), async (matrix, a, b) => {
        const made = await stored(matrix);
        const all = await elements(made);
        const [from, to] = [Math.min(a % matrix.rows, b % matrix.rows), Math.max(a % matrix.rows, b % matrix.rows) + 1];
        const spans = [
          { from, to },
          { from: 0, to: 1 },
        ];
        const slice = await elements(await written(rowsOf(made.path, made.weight, spans)));
        expect(slice).toEqual([...all.slice(from, to), ...all.slice(0, 1)]);
      }),
      { numRuns: 60 },
    );
  });

  it('has the very numbers of its columns, where it begins inside a block too', async () => {
    await fc.assert(
      fc.asyncProperty(matrices, fc.nat(), fc.nat(), async (matrix, a, b) => {
        const made = await stored(matrix);
        const all = await elements(made);
        const units = matrix.columns / 16;
        const from = 16 * Math.min(a % units, b % units);
        const to = 16 * (Math.max(a % units, b % units) + 1);
        const slice = await elements(await written(columnsOf(made.path, made.weight, { from, to })));
        expect(slice).toEqual(all.map((row) => row.slice(from, to)));
      }),
      { numRuns: 100 },
    );
  });
});
