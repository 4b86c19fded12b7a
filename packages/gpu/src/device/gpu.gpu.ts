import { expect, it } from 'vitest';
import { describeOnGpu } from '../gpus.testing.js';
import { openGpu } from './open-gpu.js';

const threads = (count: number) => `
@group(0) @binding(0) var<storage, read_write> numbers: array<u32>;
@compute @workgroup_size(${count}) fn main(@builtin(local_invocation_index) i: u32) { numbers[i] += 1u; }`;

await describeOnGpu('an open GPU', openGpu, (gpu) => {
  it('keeps what is written to it, of any length, and runs kernels in their order', async () => {
    const buffer = await gpu.buffer('bytes', Uint8Array.of(1, 2, 3, 4, 5, 6, 7));
    expect([...new Uint8Array(await gpu.read(buffer))]).toEqual([1, 2, 3, 4, 5, 6, 7, 0]);
    const kernel = await gpu.kernel({ label: 'add one', wgsl: threads(2), threads: 2, sharedBytes: 0 });
    const once = { bound: gpu.bind(kernel, [buffer]), groups: [1, 1, 1] } as const;
    await gpu.run([once, once, once]);
    expect([...new Uint8Array(await gpu.read(buffer))]).toEqual([4, 2, 3, 4, 8, 6, 7, 0]);
  });

  it('refuses what the adapter does not allow, before it is tried', async () => {
    const { maxBufferBytes, maxWorkgroupThreads, workgroupStorageBytes } = gpu.info;
    await expect(gpu.buffer('weights', { bytes: maxBufferBytes + 4 })).rejects.toMatchObject({ code: 'CUT_GPU_LIMIT' });
    const many = { label: 'many', wgsl: threads(1), threads: maxWorkgroupThreads + 1, sharedBytes: 0 };
    await expect(gpu.kernel(many)).rejects.toMatchObject({ code: 'CUT_GPU_LIMIT' });
    const large = { label: 'large', wgsl: threads(1), threads: 1, sharedBytes: workgroupStorageBytes + 1 };
    await expect(gpu.kernel(large)).rejects.toMatchObject({ code: 'CUT_GPU_LIMIT' });
  });

  it('says what is wrong with a kernel', async () => {
    const wrong = { label: 'wrong', wgsl: 'fn main() { nonsense }', threads: 1, sharedBytes: 0 };
    await expect(gpu.kernel(wrong)).rejects.toThrow(/line 1: .*assignment/);
  });

  it('ends what is asked of it with a code once it is gone', async () => {
    const other = await openGpu();
    const buffer = await other.buffer('bytes', Uint8Array.of(1, 2, 3, 4));
    other[Symbol.dispose]();
    await expect(other.read(buffer)).rejects.toMatchObject({ code: 'CUT_DISPOSED' });
    await expect(other.buffer('more', { bytes: 4 })).rejects.toMatchObject({ code: 'CUT_DISPOSED' });
    expect((await other.lost).code).toBe('CUT_DISPOSED');
  });
});
