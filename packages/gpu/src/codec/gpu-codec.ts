import {
  type Codec,
  codecOfCrossing,
  type DecodeLimits,
  decodeCrossing,
  encodeCrossing,
  type PartsCodec,
} from '@cutpoint/codec';
import { CutpointError, elementCount, type Tensor, tensorOf } from '@cutpoint/core';
import type { Gpu } from '../device/gpu.js';
import { decodeParts } from './decode-parts.js';
import type { ElementsOnGpu } from './elements-on-gpu.js';
import { encodeParts } from './encode-parts.js';

/**
 * How a tensor crossed between what is sent and a GPU. `parts`: nothing but what is sent was uploaded or read back. `symbols`: an
 * entropy coder, which goes symbol by symbol, ran on the CPU, and what it stands for went up or came down, packed. `elements`: the
 * codec has no kernels; it ran on the CPU, and the tensor went up or came down.
 */
export type CodecWay = 'parts' | 'symbols' | 'elements';

export interface DecodedOnGpu {
  readonly shape: readonly number[];
  readonly way: CodecWay;
}

export interface EncodedOnGpu {
  /** As `encodeCrossing` of packages/codec gives it: what is sent. */
  readonly crossed: Tensor;
  readonly way: CodecWay;
}

/** A codec whose tensors are on a GPU: what crosses a cut is decoded there, and encoded from there. It takes f32 tensors. */
export interface GpuCodec {
  readonly spec: string;
  /** How its tensors cross between the GPU and what is sent. */
  readonly way: CodecWay;
  /**
   * What crosses the cut for a tensor on the GPU, which the CPU decodes as it does its own.
   * @throws CutpointError CUT_INPUT if the buffer does not hold the shape; CUT_CODEC if the codec cannot carry it; CUT_GPU_LIMIT, CUT_GPU_MEMORY, CUT_GPU_LOST, CUT_INTERNAL.
   */
  encode(elements: ElementsOnGpu, shape: readonly number[]): Promise<EncodedOnGpu>;
  /**
   * Writes the elements of what has crossed a cut, however hostile it is: it is checked before anything is uploaded. They are there
   * for what is run next.
   * @throws CutpointError CUT_CODEC_PAYLOAD if it is damaged or too large; CUT_INPUT if it is something else than the codec makes,
   * or `into` has no room; CUT_GPU_LIMIT, CUT_GPU_MEMORY, CUT_GPU_LOST, CUT_INTERNAL.
   */
  decode(crossed: Tensor, into: ElementsOnGpu, limits: DecodeLimits): Promise<DecodedOnGpu>;
}

/**
 * A codec on a GPU. `raw`, `f16`, `bf16`, `affine` and `ts-tabq` have kernels, with `+rans` too.
 * @param codec a codec or its spec, as `encodeCrossing` takes it. @throws CutpointError CUT_USAGE, CUT_CODEC_TABLE as there.
 * @example const { crossed } = await openGpuCodec(gpu, 'ts-tabq').encode({ buffer }, [1, 64, 28, 28]);
 */
export function openGpuCodec(gpu: Gpu, codec: string | Codec): GpuCodec {
  if (codec === 'raw' || codec === 'f16') return asItIs(gpu, codec);
  const opened = typeof codec === 'string' ? codecOfCrossing(codec) : codec;
  return opened.parts === undefined ? byElements(gpu, opened) : byParts(gpu, opened.spec, opened.parts);
}

/** Without a payload: the tensor crosses as f32 or f16. */
function asItIs(gpu: Gpu, spec: 'raw' | 'f16'): GpuCodec {
  const format = spec === 'raw' ? 'f32' : 'f16';
  const way = 'parts';
  return {
    spec,
    way,
    async encode(from, shape) {
      const parts = await encodeParts(gpu, { name: spec }, from, shape);
      if (parts.kind === 'steps') throw new CutpointError('CUT_INTERNAL', `${spec} has no steps.`);
      return { crossed: { dtype: format, shape, data: new Uint8Array(parts.bytes) }, way };
    },
    async decode({ dtype, shape, data }, into, limits) {
      if (dtype !== format) throw otherThan(format, dtype);
      requireLimit(shape, limits);
      tensorOf(dtype, shape, data);
      const parts = { kind: 'elements', format, bytes: data } as const;
      const places = { kind: 'elements', at: 0 } as const;
      await decodeParts(gpu, { type: { dtype: 'f32', shape }, parts, places, bytes: data }, into);
      return { shape, way };
    },
  };
}

function byParts(gpu: Gpu, spec: string, codec: PartsCodec): GpuCodec {
  const way = codec.entropyCoded ? 'symbols' : 'parts';
  return {
    spec,
    way,
    async encode(from, shape) {
      const payload = codec.seal(await encodeParts(gpu, codec.settings, from, shape), { dtype: 'f32', shape });
      return { crossed: tensorOf('u8', [payload.length], payload), way };
    },
    async decode({ dtype, data }, into, limits) {
      if (dtype !== 'u8') throw otherThan('u8', dtype);
      const opened = codec.open(data, limits);
      await decodeParts(gpu, opened, into);
      return { shape: opened.type.shape, way };
    },
  };
}

const name = 'elements';

/** On the CPU, for codecs without kernels. */
function byElements(gpu: Gpu, codec: Codec): GpuCodec {
  const way = 'elements';
  return {
    spec: codec.spec,
    way,
    async encode(from, shape) {
      const parts = await encodeParts(gpu, { name: 'raw' }, from, shape);
      if (parts.kind === 'steps') throw new CutpointError('CUT_INTERNAL', 'raw has no steps.');
      const tensor = { dtype: 'f32', shape, data: new Uint8Array(parts.bytes) } as const;
      return { crossed: theOnly(encodeCrossing(new Map([[name, tensor]]), codec)), way };
    },
    async decode(crossed, into, limits) {
      const decoded = decodeCrossing(new Map([[name, crossed]]), codec, new Map([[name, 'f32']]), limits);
      const { dtype, shape, data } = theOnly(decoded);
      if (dtype !== 'f32') throw otherThan('f32', dtype);
      const parts = { kind: 'elements', format: dtype, bytes: data } as const;
      const places = { kind: 'elements', at: 0 } as const;
      await decodeParts(gpu, { type: { dtype, shape }, parts, places, bytes: data }, into);
      return { shape, way };
    },
  };
}

function theOnly(tensors: ReadonlyMap<string, Tensor>): Tensor {
  const tensor = tensors.get(name);
  if (tensor !== undefined) return tensor;
  throw new CutpointError('CUT_INTERNAL', 'A codec lost the tensor that it was given.');
}

function otherThan(due: string, found: string): CutpointError {
  return new CutpointError('CUT_INPUT', `A tensor should cross the cut as ${due}, but came as ${found}.`);
}

function requireLimit(shape: readonly number[], { maxElements }: DecodeLimits): void {
  const elements = elementCount(shape);
  if (elements <= maxElements) return;
  const message = `A tensor of ${elements} elements has crossed the cut, above the limit of ${maxElements}.`;
  throw new CutpointError('CUT_CODEC_PAYLOAD', message);
}
