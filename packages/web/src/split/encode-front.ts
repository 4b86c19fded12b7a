import { encodeCrossing } from '@cutpoint/codec';
import type { Tensor } from '@cutpoint/core';
import { type Gpu, openGpuCodec } from '@cutpoint/gpu';
import type * as Ort from 'onnxruntime-web';
import { bytesOfOrt, fromOrt } from './ort-tensors.js';
import type { FrontResult } from './worker-messages.js';

/** What crosses the cut: an output of the runtime, or an input of the model that only passes through. */
export type Crossing = readonly (readonly [name: string, value: Ort.Tensor | Tensor])[];

/**
 * Encodes what crosses. What lies on the GPU is encoded there: only what is sent comes into the page's memory, where the codec has
 * kernels (packages/gpu). What lies there is freed, also where a codec refuses.
 * @throws CutpointError CUT_CODEC, CUT_UNSUPPORTED_TYPE, CUT_GPU_LOST
 */
export async function encodeFront(
  crossing: Crossing,
  codec: string,
  gpu: Gpu | undefined,
): Promise<Pick<FrontResult, 'sends' | 'encodedOn' | 'rawBytes'>> {
  const sends = new Map<string, Tensor>();
  let encodedOn: FrontResult['encodedOn'] = 'cpu';
  let rawBytes = 0;
  try {
    for (const [name, value] of crossing) {
      rawBytes += isOrt(value) ? bytesOfOrt(value) : value.data.length;
      if (gpu !== undefined && isOrt(value) && value.location === 'gpu-buffer' && value.type === 'float32') {
        const onGpu = { buffer: value.gpuBuffer as GPUBuffer };
        const { crossed, way } = await openGpuCodec(gpu, codec).encode(onGpu, value.dims);
        sends.set(name, crossed);
        encodedOn = way === 'elements' ? 'gpu, elements read' : 'gpu';
      } else {
        const tensor = isOrt(value) ? await inMemory(value) : value;
        for (const encoded of encodeCrossing(new Map([[name, tensor]]), codec)) sends.set(...encoded);
      }
    }
  } finally {
    for (const [, value] of crossing) if (isOrt(value) && value.location === 'gpu-buffer') value.dispose();
  }
  return { sends, encodedOn, rawBytes };
}

export function isOrt(value: Ort.Tensor | Tensor): value is Ort.Tensor {
  return 'location' in value;
}

/** Types that the kernels do not take come to the CPU. */
async function inMemory(value: Ort.Tensor): Promise<Tensor> {
  if (value.location !== 'cpu') await value.getData(true);
  return fromOrt(value);
}
