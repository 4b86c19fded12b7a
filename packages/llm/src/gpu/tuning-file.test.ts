import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { GpuInfo, TunedProduct } from '@cutpoint/gpu';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { keepTuning, readTuning, tuningPath } from './tuning-file.js';

const info: GpuInfo = {
  vendor: 'someone',
  architecture: 'some',
  description: 'A GPU',
  software: false,
  features: [],
  maxBufferBytes: 1,
  maxBindingBytes: 1,
  workgroupStorageBytes: 1,
  maxWorkgroupThreads: 1,
  packedDot: true,
  f16: false,
};
const product: TunedProduct = {
  rows: 1,
  outputs: 64,
  columns: 64,
  groupSize: 32,
  weightBits: 4,
  activationBits: 8,
  scheme: 'planes',
  division: { kind: 'rows', threads: 64, lanes: 4, eachM: 1 },
  us: 10,
};

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-tuning-'));
  vi.stubEnv('XDG_CACHE_HOME', folder);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

describe('what was found on a GPU', () => {
  it('is kept for that GPU alone; of the same product the new counts', async () => {
    expect(await readTuning(info)).toEqual([]);
    await keepTuning(info, [product, { ...product, scheme: 'nibbles', us: 20 }]);
    const path = await keepTuning(info, [{ ...product, us: 5 }]);
    expect(await readTuning(info)).toEqual([
      { ...product, us: 5 },
      { ...product, scheme: 'nibbles', us: 20 },
    ]);
    expect(await readTuning({ ...info, description: 'Another GPU' })).toEqual([]);
    expect(await readdir(dirname(path))).toHaveLength(1);
  });

  it.each([
    '',
    '{',
    '{"version":2}',
    JSON.stringify({ version: 1, adapter: 'A GPU', products: [{ ...product, us: -1 }] }),
    JSON.stringify({
      version: 1,
      adapter: 'A GPU',
      products: [{ ...product, division: { ...product.division, lanes: 6 } }],
    }),
  ])('is refused with its place and what to do where it is damaged: %s', async (text) => {
    const path = tuningPath(info);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
    await expect(readTuning(info)).rejects.toThrow(path);
    await expect(readTuning(info)).rejects.toThrow('tune again');
  });
});
