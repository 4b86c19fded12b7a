import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tensorOf, valuesOf } from '@cutpoint/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeNpz, encodeNpz } from './npz.js';
import { numpyFile } from './numpy-files.testing.js';
import { readInputs, writeTensors } from './tensor-files.js';

const code = (expected: string) => expect.objectContaining({ code: expected });

describe('.npz archives', () => {
  it('reads what numpy.savez wrote, by name', () => {
    const tensors = decodeNpz(numpyFile('npz'));
    expect([...tensors.keys()]).toEqual(['x', 'mask']);
    expect(tensors.get('mask')).toMatchObject({ dtype: 'bool', data: Uint8Array.of(1, 0, 1) });
  });

  it('reads what numpy.savez_compressed wrote', () => {
    expect(decodeNpz(numpyFile('npzDeflated')).get('x')).toMatchObject({ dtype: 'u16', shape: [4, 64] });
  });

  it('reads back what it wrote', () => {
    const tensors = new Map([
      ['a', tensorOf('f32', [2], Float32Array.of(1, 2))],
      ['layer/b', tensorOf('i64', [], BigInt64Array.of(-3n))],
    ]);
    expect(decodeNpz(encodeNpz(tensors))).toEqual(tensors);
  });

  it('refuses an archive that claims more than the limit before it unpacks it', () => {
    const bytes = encodeNpz(new Map([['a', tensorOf('u8', [4], Uint8Array.of(1, 2, 3, 4))]]));
    const view = new DataView(bytes.buffer);
    const centralDirectory = view.getUint32(bytes.length - 6, true);
    view.setUint32(centralDirectory + 24, 0xf0000000, true);
    expect(() => decodeNpz(bytes)).toThrow(code('CUT_INPUT'));
  });

  it('gives tensors or a typed error for any truncation', () => {
    const whole = numpyFile('npzDeflated');
    for (let length = 0; length < whole.length; length += 1) {
      expect(() => decodeNpz(whole.subarray(0, length))).toThrow(code('CUT_INPUT'));
    }
  });
});

describe('tensor files', () => {
  const spec = (name: string) => ({ name, dtype: 'f32', shape: [null] }) as const;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cutpoint-npz-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('gives the tensor of a .npy file the name of the only input', async () => {
    const path = join(folder, 'one.npy');
    await writeFile(path, numpyFile('version1'));
    const inputs = await readInputs(path, [spec('pixels')]);
    expect([...inputs.keys()]).toEqual(['pixels']);
    await expect(readInputs(path, [spec('a'), spec('b')])).rejects.toThrow(code('CUT_INPUT'));
  });

  it('writes tensors that it can read', async () => {
    const path = join(folder, 'out.npz');
    await writeTensors(path, new Map([['y', tensorOf('f32', [2], Float32Array.of(1, 2))]]));
    const y = (await readInputs(path, [])).get('y');
    expect(y && [...valuesOf(y)]).toEqual([1, 2]);
  });

  it('says which file is missing', async () => {
    const path = join(folder, 'absent.npy');
    await expect(readInputs(path, [])).rejects.toThrow(code('CUT_FILE_NOT_FOUND'));
  });
});
