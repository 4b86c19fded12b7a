import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadSegment } from '../segment/load-segment.js';
import { availableProviders } from './available-providers.js';

const path = fileURLToPath(new URL('../../../../../shared/models/vision/resnet20_cifar10.onnx', import.meta.url));
const providers = await availableProviders();
const lacks = !existsSync(path) ? `${path} is not there` : providers.includes('webgpu') ? undefined : 'no webgpu here';
if (lacks !== undefined) process.stderr.write(`Skipped: a segment with the provider auto on a GPU. ${lacks}\n`);

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-auto-'));
  vi.stubEnv('CUTPOINT_CACHE_DIR', folder);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

describe.skipIf(lacks !== undefined)('a segment with the provider auto', () => {
  it('is measured on the GPU, computes there what the CPU does, and takes the faster of the two', async () => {
    await using segment = await loadSegment({ kind: 'file', path }, { provider: 'auto' });
    const { provider, trials } = segment.provider;
    const right = trials.filter((trial) => trial.outcome === 'right');
    expect(right.map((trial) => trial.provider)).toEqual(expect.arrayContaining(['cpu', 'webgpu']));
    for (const { difference } of right) expect(difference).toBeLessThan(1e-3);
    const msOf = (name: string) => right.find((trial) => trial.provider === name)?.ms ?? Number.NaN;
    if (provider === 'webgpu') expect(msOf('webgpu')).toBeLessThan(msOf('cpu'));
    else expect(msOf('cpu')).toBeLessThan(1.1 * msOf('webgpu'));
  });
});
