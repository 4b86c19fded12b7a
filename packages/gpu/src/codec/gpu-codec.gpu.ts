import { type Codec, decodeCrossing, encodeCrossing, openCodec } from '@cutpoint/codec';
import { elementCount, f32Values, type Tensor, tensorOf } from '@cutpoint/core';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fillings, noise } from '../../../codec/src/tensors.testing.js';
import { gpuOnDevice, openGpu } from '../device/open-gpu.js';
import { describeOnGpu } from '../gpus.testing.js';
import { openGpuCodec } from './gpu-codec.js';

const limits = { maxElements: 1 << 16 };
const widths = [2, 3, 4, 5, 6, 7, 8];
const specs = [
  ...['raw+rans', 'f16+rans', 'bf16', 'ts-tabq', 'ts-tabq:delta=1e-2,rho=0.05,token=channel', 'ts-tabq:delta=0,max=3'],
  ...['ts-tabq:tau=0.5,delta=1e-4+rans', 'topk:keep=0.3+f16', ...widths.map((bits) => `affine:bits=${bits},per=token`)],
  ...['affine:bits=8', 'affine:bits=5,per=channel', 'affine:bits=3,per=channel+rans'],
];
const anyShape = fc.oneof(
  fc.constantFrom([], [0], [3, 0, 2], [1]),
  fc.tuple(fc.integer({ min: 1, max: 900 })),
  fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 300 })),
  fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 3, maxLength: 5 }),
);
/** What a driver may take for 0, as WGSL allows, is left out: numbers below 2^-126. */
const kinds = Object.entries(fillings).filter(([name]) => name !== 'denormal' && name !== 'beyond f32');
const anyTensor = fc
  .tuple(anyShape, fc.constantFrom(...kinds), fc.nat({ max: 1 << 20 }))
  .map(([shape, [, filling], seed]): Tensor => {
    const values = Float32Array.from({ length: elementCount(shape) }, (_, i) => filling(i + seed));
    return tensorOf('f32', shape, values);
  });

await describeOnGpu('a codec on a GPU', openGpu, (gpu) => {
  async function decoded(codec: Codec | string, crossed: Tensor, elements: number): Promise<Float32Array> {
    using buffers = await gpu.buffers({ elements: { bytes: 4 * (elements + 3) } });
    await openGpuCodec(gpu, codec).decode(crossed, { buffer: buffers.elements, from: 2 }, limits);
    const found = new Float32Array(await gpu.read(buffers.elements));
    expect([found[0], found[1], found[elements + 2]]).toEqual([0, 0, 0]);
    return found.slice(2, elements + 2);
  }

  it.each(specs)('%s: makes of what the CPU encoded what the CPU makes of it', { timeout: 120_000 }, async (spec) => {
    const codec = openCodec(spec);
    const property = fc.asyncProperty(anyTensor, async (tensor) => {
      const payload = encodedOrRefused(codec, tensor);
      if (payload === undefined) return;
      const due = f32Values(codec.decode(payload, limits));
      const found = await decoded(codec, tensorOf('u8', [payload.length], payload), due.length);
      const most = due.reduce((all, x) => (Number.isFinite(x) ? Math.max(all, Math.abs(x)) : all), 0);
      for (const [i, x] of due.entries()) expectNear(found[i], x, 2 ** -22 * most);
    });
    await fc.assert(property, { numRuns: 10 });
  });

  it.each(specs)('%s: makes a payload that the CPU decodes within the bound', { timeout: 120_000 }, async (spec) => {
    const codec = openCodec(spec);
    const property = fc.asyncProperty(anyTensor, async (tensor) => {
      using buffers = await gpu.buffers({ values: tensor.data });
      const encoding = openGpuCodec(gpu, codec).encode({ buffer: buffers.values }, tensor.shape);
      if (encodedOrRefused(codec, tensor) === undefined) {
        await expect(encoding).rejects.toMatchObject({ code: 'CUT_CODEC' });
        return;
      }
      const { crossed } = await encoding;
      expectWithinBound(codec, tensor, codec.decode(crossed.data, limits));
    });
    await fc.assert(property, { numRuns: 10 });
  });

  it.each(['affine:bits=4,per=token', 'ts-tabq', 'ts-tabq+rans', 'f16+rans'])(
    '%s: refuses what the CPU refuses, before anything is uploaded',
    async (spec) => {
      const codec = openCodec(spec);
      const payload = codec.encode(
        tensorOf(
          'f32',
          [5, 8],
          Float32Array.from({ length: 40 }, (_, i) => noise(i)),
        ),
      );
      using buffers = await gpu.buffers({ elements: { bytes: 4 * 40 } });
      const before = gpu.traffic.uploadedBytes;
      for (let at = 0; at < payload.length; at++) {
        const changed = payload.slice();
        changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
        for (const bytes of [changed, payload.slice(0, at)]) {
          const decoding = openGpuCodec(gpu, codec).decode(
            tensorOf('u8', [bytes.length], bytes),
            { buffer: buffers.elements },
            limits,
          );
          await expect(decoding).rejects.toMatchObject({ code: 'CUT_CODEC_PAYLOAD' });
        }
      }
      const whole = tensorOf('u8', [payload.length], payload);
      const into = { buffer: buffers.elements };
      const onGpu = openGpuCodec(gpu, codec);
      await expect(onGpu.decode(whole, into, { maxElements: 39 })).rejects.toThrow('limit of 39');
      await expect(onGpu.decode(whole, { ...into, from: 1 }, limits)).rejects.toMatchObject({ code: 'CUT_INPUT' });
      await expect(onGpu.decode(tensorOf('f16', [2], new Uint16Array(2)), into, limits)).rejects.toMatchObject({
        code: 'CUT_INPUT',
      });
      expect(gpu.traffic.uploadedBytes).toBe(before);
    },
  );

  it.each(['raw', 'f16'])('%s: crosses as it is, without a payload', async (spec) => {
    const values = Float32Array.from({ length: 13 }, (_, i) => noise(i));
    using buffers = await gpu.buffers({ values });
    const { crossed } = await openGpuCodec(gpu, spec).encode({ buffer: buffers.values, from: 2 }, [11]);
    const tensor = tensorOf('f32', [11], values.slice(2));
    const due = encodeCrossing(new Map([['x', tensor]]), spec).get('x') as Tensor;
    expect(crossed).toEqual(due);
    const back = decodeCrossing(new Map([['x', due]]), spec, new Map([['x', 'f32']])).get('x') as Tensor;
    expect(await decoded(spec, crossed, 11)).toEqual(f32Values(back));
  });

  it.each(specs)('%s: refuses to encode what the buffer does not hold', async (spec) => {
    using buffers = await gpu.buffers({ values: new Float32Array(16) });
    const codec = openGpuCodec(gpu, spec);
    const places = [undefined, 1, -1, 0.5, Number.NaN] as const;
    for (const [i, from] of places.entries()) {
      const encoding = codec.encode(
        { buffer: buffers.values, ...(from === undefined ? {} : { from }) },
        i === 0 ? [17] : [2, 8],
      );
      await expect(encoding).rejects.toMatchObject({ code: 'CUT_INPUT' });
    }
  });

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

function encodedOrRefused(codec: Codec, tensor: Tensor): Uint8Array<ArrayBuffer> | undefined {
  try {
    return codec.encode(tensor);
  } catch {
    return undefined;
  }
}

function expectNear(found: number | undefined, due: number, most: number): void {
  if (Number.isFinite(due) && found !== undefined) expect(Math.abs(found - due)).toBeLessThanOrEqual(most);
  else expect(found).toBe(due);
}

function expectWithinBound(codec: Codec, tensor: Tensor, decoded: Tensor): void {
  const bound = codec.bound(tensor);
  const [before, after] = [f32Values(tensor), f32Values(decoded)];
  let squares = 0;
  for (const [i, x] of before.entries()) {
    const y = after[i] ?? Number.NaN;
    if (bound.kind === 'exact' || !Number.isFinite(x)) expect(y).toBe(x);
    else {
      squares += (x - y) ** 2;
      if (bound.kind === 'element') expect(Math.abs(x - y)).toBeLessThanOrEqual(bound.most[i] ?? 0);
    }
  }
  if (bound.kind === 'norm') expect(Math.sqrt(squares)).toBeLessThanOrEqual(bound.most);
}
