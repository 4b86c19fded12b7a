import { CancelSource, CutpointError } from '@cutpoint/core';
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

  it('makes several buffers, or none', async () => {
    const { maxBufferBytes } = gpu.info;
    const made: GPUBuffer[] = [];
    const create = gpu.device.createBuffer.bind(gpu.device);
    gpu.device.createBuffer = (descriptor) => {
      const buffer = create(descriptor);
      made.push(buffer);
      return buffer;
    };
    const asked = gpu.buffers({ small: { bytes: 8 }, large: { bytes: maxBufferBytes + 4 } });
    await expect(asked).rejects.toMatchObject({ code: 'CUT_GPU_LIMIT' });
    gpu.device.createBuffer = create;
    expect(made).toHaveLength(1);
    // One that was freed can be neither read nor written.
    await expect(gpu.read(made[0] as GPUBuffer)).rejects.toMatchObject({ code: 'CUT_INTERNAL' });
  });

  it('ends a wait that is cancelled, and works on', async () => {
    using buffers = await gpu.buffers({ bytes: Uint8Array.of(1, 2, 3, 4) });
    const source = new CancelSource();
    const reading = gpu.read(buffers.bytes, 4, { signal: source });
    source.abort(new CutpointError('CUT_DEADLINE', 'Too late.'));
    await expect(reading).rejects.toMatchObject({ code: 'CUT_DEADLINE' });
    await expect(gpu.run([], { signal: source })).rejects.toMatchObject({ code: 'CUT_DEADLINE' });
    expect([...new Uint8Array(await gpu.read(buffers.bytes))]).toEqual([1, 2, 3, 4]);
  });

  it('counts as lost where a wait finds no answer, and ends all other waits', async () => {
    using other = await openGpu(undefined, { stuckMs: 1_000 });
    const buffer = await other.buffer('bytes', { bytes: 4 });
    other.device.queue.onSubmittedWorkDone = () => new Promise(() => undefined);
    const waits = [other.run([]), other.run([], { signal: new CancelSource() })];
    for (const wait of waits) await expect(wait).rejects.toMatchObject({ code: 'CUT_GPU_LOST' });
    expect(other.alive).toBe(false);
    expect((await other.lost).message).toContain('not answered for 1 s');
    await expect(other.read(buffer)).rejects.toMatchObject({ code: 'CUT_GPU_LOST' });
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
