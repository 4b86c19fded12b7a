import {
  type Codec,
  checkCrossing,
  decodeCrossing,
  decodePixels,
  encodeCrossing,
  encodePixels,
  type ImageCoder,
  isImageSpec,
  isPicture,
  parseImageSpec,
  printImageSpec,
} from '@cutpoint/codec';
import { CutpointError, elementCount, type NamedTensors, type Tensor } from '@cutpoint/core';
import type { CutIdentity } from '@cutpoint/runtime';
import { sharpCoder } from '../image/sharp-coder.js';

/** A codec as it is measured: whatever it is, tensors in and tensors out. */
export interface CrossingCodec {
  /** As it is printed. */
  readonly spec: string;
  encode(tensors: NamedTensors): Promise<NamedTensors>;
  decode(tensors: NamedTensors): Promise<NamedTensors>;
}

type CrossingTypes = CutIdentity['tensors'];

/**
 * Opens a codec for what crosses a cut.
 * @returns undefined if it changes nothing there that `raw` does not: pictures can be coded where one picture crosses, all
 * others where there are floats. Tensors that are no floats always cross as they are.
 * @throws CutpointError CUT_USAGE for an unknown codec, CUT_IMAGE_LIBRARY.
 */
export async function crossingCodec(spec: string, types: CrossingTypes): Promise<CrossingCodec | undefined> {
  if (isImageSpec(spec)) return await imageCrossing(spec, types);
  const canonical = checkCrossing(spec);
  if (canonical !== 'raw' && !types.some(({ dtype }) => floats.has(dtype))) return undefined;
  return tensorCrossing(canonical, canonical, types);
}

/** A codec of tensors that was opened already, or one by its spec. */
export function tensorCrossing(spec: string, codec: string | Codec, types: CrossingTypes): CrossingCodec {
  const dtypes = new Map(types.map(({ name, dtype }) => [name, dtype]));
  const maxElements = Math.max(0, ...types.map(({ shape }) => elementCount(shape)));
  return {
    spec,
    encode: async (tensors) => encodeCrossing(tensors, codec),
    decode: async (tensors) => decodeCrossing(tensors, codec, dtypes, { maxElements }),
  };
}

const floats: ReadonlySet<string> = new Set(['f32', 'f16', 'bf16', 'f64']);

let coder: Promise<ImageCoder> | undefined;

async function imageCrossing(spec: string, types: CrossingTypes): Promise<CrossingCodec | undefined> {
  const quality = parseImageSpec(spec);
  if (types.length === 0 || !types.every(isPicture)) return undefined;
  coder ??= sharpCoder();
  const using = await coder;
  return {
    spec: printImageSpec(quality),
    encode: (tensors) => eachTensor(tensors, (tensor) => encodePixels(tensor, quality, using)),
    decode: (tensors) => eachTensor(tensors, (tensor, name) => decodePixels(tensor, typeOf(types, name), using)),
  };
}

function typeOf(types: CrossingTypes, name: string): CrossingTypes[number] {
  const type = types.find((candidate) => candidate.name === name);
  if (type !== undefined) return type;
  throw new CutpointError('CUT_INTERNAL', `"${name}" does not cross here.`);
}

async function eachTensor(
  tensors: NamedTensors,
  change: (tensor: Tensor, name: string) => Promise<Tensor>,
): Promise<NamedTensors> {
  return new Map(
    await Promise.all(Array.from(tensors, async ([name, tensor]) => [name, await change(tensor, name)] as const)),
  );
}
