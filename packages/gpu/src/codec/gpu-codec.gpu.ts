import { decodeCrossing, encodeCrossing } from '@cutpoint/codec';
import { f32Values, type Tensor, tensorOf } from '@cutpoint/core';
import { expect, it } from 'vitest';
import { gpuOnDevice, openGpu } from '../device/open-gpu.js';
import { describeOnGpu } from '../gpus.testing.js';
import { openGpuCodec } from './gpu-codec.js';

const limits = { maxElements: 1 << 16 };
const onCpu = (tensor: Tensor, codec: string): Float32Array => {
  const decoded = decodeCrossing(new Map([['x', tensor]]), codec, new Map([['x', 'f32']]), limits).get('x');
  return decoded === undefined ? new Float32Array(0) : f32Values(decoded);
};

await describeOnGpu('a codec on a GPU', openGpu, (gpu) => {
  it.each(['raw', 'f16', 'affine:bits=4,per=token', 'ts-tabq+rans'])(
    '%s takes what the CPU encoded, and the CPU what it encoded',
    async (spec) => {
      const values = Float32Array.from({ length: 5 * 24 }, (_, i) => Math.sin(i * 1.3));
      const tensor = tensorOf('f32', [5, 24], values);
      const crossed = encodeCrossing(new Map([['x', tensor]]), spec).get('x') as Tensor;
      const codec = openGpuCodec(gpu, spec);
      const buffer = await gpu.buffer('elements', { bytes: 4 * 130 });
      expect(await codec.decode(crossed, { buffer, from: 10 }, limits)).toMatchObject({ shape: [5, 24] });
      const decoded = new Float32Array(await gpu.read(buffer)).slice(10);
      expect(decoded).toEqual(onCpu(crossed, spec));
      const again = await codec.encode({ buffer, from: 10 }, [5, 24]);
      expect(onCpu(again.crossed, spec).length).toBe(120);
      buffer.destroy();
    },
  );

  it('works on a device that others opened, and leaves it open', async () => {
    const values = await gpu.buffer('elements', Float32Array.of(1, 2, 3));
    const guest = await gpuOnDevice(gpu.device, gpu.webgpu);
    const { crossed } = await openGpuCodec(guest, 'raw').encode({ buffer: values }, [3]);
    expect(f32Values(crossed)).toEqual(Float32Array.of(1, 2, 3));
    guest[Symbol.dispose]();
    await expect(guest.read(values)).rejects.toMatchObject({ code: 'CUT_DISPOSED' });
    expect(new Float32Array(await gpu.read(values))).toEqual(Float32Array.of(1, 2, 3));
    values.destroy();
  });
});
