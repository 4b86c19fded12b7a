import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSafetensors } from './safetensors.js';
import { encodeFloats, writeSafetensors } from './small-checkpoints.testing.js';
import { openSource } from './source-file.js';
import { rowsOf } from './tensor-rows.js';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'safetensors-'));
});

afterAll(() => rmSync(folder, { recursive: true }));

/** A file with this header, and so many bytes of elements. */
function fileWith(header: string, elementBytes = 64, headerBytes = BigInt(Buffer.byteLength(header))): string {
  const path = join(folder, 'file.safetensors');
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(headerBytes);
  writeFileSync(path, Buffer.concat([length, Buffer.from(header), Buffer.alloc(elementBytes)]));
  return path;
}

async function read(path: string) {
  await using file = await openSource(path);
  return await readSafetensors(file);
}

describe('a safetensors file', () => {
  it('gives any rows of a tensor', async () => {
    const values = Float32Array.from({ length: 60 }, (_, i) => i / 64);
    const path = join(folder, 'rows.safetensors');
    writeSafetensors(
      path,
      [
        { name: 'before', shape: [3], values: new Float32Array(3) },
        { name: 'matrix', shape: [12, 5], values },
      ],
      'BF16',
    );
    await using file = await openSource(path);
    const found = (await readSafetensors(file)).find(({ name }) => name === 'matrix');
    if (found === undefined) throw new Error('no matrix');
    const tensor = rowsOf(found);
    expect(tensor).toMatchObject({ rows: 12, columns: 5, encoding: 'bf16' });
    await fc.assert(
      fc.asyncProperty(fc.nat(11), fc.nat(11), async (a, b) => {
        const [first, count] = [Math.min(a, b), Math.abs(a - b) + 1];
        const bytes = encodeFloats(values.subarray(first * 5, (first + count) * 5), 'BF16');
        expect(await tensor.readRows(first, count)).toEqual(bytes);
      }),
    );
  });

  const entry = (change: object) =>
    JSON.stringify({ t: { dtype: 'F32', shape: [4, 4], data_offsets: [0, 64], ...change } });

  it.each([
    ['a header that is longer than the file', () => fileWith('{}', 0, 3000n), /ends within its header/],
    ['a header of a terabyte', () => fileWith('{}', 0, 2n ** 40n), /header would take 1099511627776 bytes/],
    ['a header that is no JSON', () => fileWith('{"t"'), /header of .* is not JSON/],
    ['a header that is a list', () => fileWith('[1]'), /not a JSON object/],
    ['a tensor beyond the end', () => fileWith(entry({ data_offsets: [64, 128] })), /tensor t lies outside of it/],
    ['offsets the wrong way round', () => fileWith(entry({ data_offsets: [64, 0] })), /lies outside/],
    ['a negative size', () => fileWith(entry({ shape: [-4, -4] })), /entry of tensor t is not valid/],
    ['another length than its shape', () => fileWith(entry({ shape: [4, 5] })), /not as long as its shape/],
  ])('with %s is refused', async (_, make, sentence) => {
    const refused = read(make());
    await expect(refused).rejects.toMatchObject({ code: 'CUT_CHECKPOINT' });
    await expect(refused).rejects.toThrow(sentence);
  });

  it('may hold tensors of other types, which are left out', async () => {
    expect(await read(fileWith(entry({ dtype: 'I64', shape: [8] })))).toEqual([]);
  });
});
