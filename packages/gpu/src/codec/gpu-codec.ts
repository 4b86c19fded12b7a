import { type Codec, type DecodeLimits, decodeCrossing, encodeCrossing } from '@cutpoint/codec';
import { byteLength, CutpointError, type Tensor, tensorOf } from '@cutpoint/core';
import type { Gpu } from '../device/gpu.js';

/** f32 elements on a GPU, one behind the other in the order of a tensor. */
export interface ElementsOnGpu {
  readonly buffer: GPUBuffer;
  /** Which element of the buffer is the first; default 0. */
  readonly from?: number;
}

/**
 * How a tensor crossed between a payload and a GPU. `as sent`: the payload's bytes went up or came down, nothing else. `symbols`: an
 * entropy coder, which goes byte by byte, ran on the CPU, and what it codes crossed, packed. `elements`: the codec has no
 * kernels, and the tensor itself crossed.
 */
export type DecodeWay = 'as sent' | 'symbols' | 'elements';

export interface DecodedOnGpu {
  readonly shape: readonly number[];
  readonly way: DecodeWay;
  /** What was written to the GPU for it, parameters included. */
  readonly uploadedBytes: number;
}

export interface EncodedOnGpu {
  /** As `encodeCrossing` of packages/codec gives it: what is sent. */
  readonly crossed: Tensor;
  readonly way: DecodeWay;
  readonly readBytes: number;
}

/** A codec whose tensors are on a GPU: what crosses a cut is decoded there, and encoded from there. It takes f32 tensors. */
export interface GpuCodec {
  readonly spec: string;
  /**
   * What crosses the cut for a tensor on the GPU, which the CPU decodes as it does its own.
   * @throws CutpointError CUT_CODEC if the codec cannot carry it; CUT_GPU_LIMIT, CUT_GPU_MEMORY, CUT_GPU_LOST, CUT_INTERNAL.
   */
  encode(elements: ElementsOnGpu, shape: readonly number[]): Promise<EncodedOnGpu>;
  /**
   * Writes the elements of what has crossed a cut, however hostile it is: it is checked before anything is uploaded.
   * @param into has room for `limits.maxElements` elements.
   * @throws CutpointError CUT_CODEC_PAYLOAD if it is damaged or too large, CUT_INPUT if it is something else than the codec makes;
   * CUT_GPU_LIMIT, CUT_GPU_MEMORY, CUT_GPU_LOST, CUT_INTERNAL.
   */
  decode(crossed: Tensor, into: ElementsOnGpu, limits: DecodeLimits): Promise<DecodedOnGpu>;
}

/** @param codec a codec or its spec, as `encodeCrossing` takes it. @throws CutpointError CUT_USAGE, CUT_CODEC_TABLE as there. */
export function openGpuCodec(gpu: Gpu, codec: string | Codec): GpuCodec {
  return byElements(gpu, codec);
}

const name = 'elements';

/** On the CPU, whatever the codec. */
function byElements(gpu: Gpu, codec: string | Codec): GpuCodec {
  return {
    spec: typeof codec === 'string' ? codec : codec.spec,
    async encode({ buffer, from = 0 }, shape) {
      const readBytes = byteLength('f32', shape);
      const elements = new Uint8Array(await gpu.read(buffer, readBytes, 4 * from));
      const crossed = encodeCrossing(new Map([[name, tensorOf('f32', shape, elements)]]), codec).get(name);
      if (crossed === undefined) throw new CutpointError('CUT_INTERNAL', 'A codec lost the tensor that it was given.');
      return { crossed, way: 'elements', readBytes };
    },
    async decode(crossed, { buffer, from = 0 }, limits) {
      const tensor = decodeCrossing(new Map([[name, crossed]]), codec, new Map([[name, 'f32']]), limits).get(name);
      if (tensor === undefined) throw new CutpointError('CUT_INTERNAL', 'A codec lost the tensor that it was given.');
      gpu.write(buffer, tensor.data, 4 * from);
      return { shape: tensor.shape, way: 'elements', uploadedBytes: tensor.data.length };
    },
  };
}
