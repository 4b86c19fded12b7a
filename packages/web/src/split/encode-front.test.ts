import type * as Ort from 'onnxruntime-web';
import { Tensor } from 'onnxruntime-web';
import { expect, it } from 'vitest';
import { encodeFront } from './encode-front.js';

/** Tensors of the runtime that lie on a GPU, and how many of them were freed. */
function onGpu(count: number) {
  const freed: number[] = [];
  const tensors = Array.from({ length: count }, (_, i) => {
    const value: Ort.Tensor = Tensor.fromGpuBuffer({} as never, {
      dataType: 'float32',
      dims: [1, 4],
      download: async () => new Float32Array(4),
      dispose: () => freed.push(i),
    });
    return [`t${i}`, value] as const;
  });
  return { tensors, freed };
}

it('frees what crosses, also where a codec refuses the first of it', async () => {
  const good = onGpu(3);
  const { sends, rawBytes } = await encodeFront(good.tensors, 'raw', undefined);
  expect([[...sends.keys()], rawBytes]).toEqual([['t0', 't1', 't2'], 48]);
  expect(good.freed.sort()).toEqual([0, 1, 2]);
  const bad = onGpu(3);
  await expect(encodeFront(bad.tensors, 'no such codec', undefined)).rejects.toThrow();
  expect(bad.freed.sort()).toEqual([0, 1, 2]);
});
