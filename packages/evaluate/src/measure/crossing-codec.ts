import {
  type CodecId,
  codecIds,
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
import { CutpointError, type NamedTensors, type Tensor } from '@cutpoint/core';
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
 * others where there are floats.
 * @throws CutpointError CUT_USAGE for an unknown codec, CUT_IMAGE_LIBRARY.
 */
export async function openCodec(spec: string, types: CrossingTypes): Promise<CrossingCodec | undefined> {
  if (isImageSpec(spec)) return await openImageCodec(spec, types);
  const id = knownId(spec);
  if (id !== 'raw' && !types.some(({ dtype }) => floats.has(dtype))) return undefined;
  const dtypes = new Map(types.map(({ name, dtype }) => [name, dtype]));
  return {
    spec,
    encode: async (tensors) => encodeCrossing(tensors, id),
    decode: async (tensors) => decodeCrossing(tensors, id, dtypes),
  };
}

const floats: ReadonlySet<string> = new Set(['f32', 'f16', 'bf16', 'f64']);

function knownId(spec: string): CodecId {
  const id = codecIds.find((known) => known === spec);
  if (id !== undefined) return id;
  const known = `${codecIds.join(', ')} and image:...`;
  throw new CutpointError('CUT_USAGE', `There is no codec "${spec}"; codecs are ${known}.`);
}

let coder: Promise<ImageCoder> | undefined;

async function openImageCodec(spec: string, types: CrossingTypes): Promise<CrossingCodec | undefined> {
  const quality = parseImageSpec(spec);
  if (types.length === 0 || !types.every(isPicture)) return undefined;
  coder ??= sharpCoder();
  const using = await coder;
  return {
    spec: printImageSpec(quality),
    encode: (tensors) => eachTensor(tensors, (tensor) => encodePixels(tensor, quality, using)),
    decode: (tensors) =>
      eachTensor(tensors, (tensor, name) => {
        const type = types.find((candidate) => candidate.name === name);
        if (type === undefined) throw new CutpointError('CUT_INTERNAL', `"${name}" does not cross here.`);
        return decodePixels(tensor, type, using);
      }),
  };
}

async function eachTensor(
  tensors: NamedTensors,
  change: (tensor: Tensor, name: string) => Promise<Tensor>,
): Promise<NamedTensors> {
  return new Map(
    await Promise.all(Array.from(tensors, async ([name, tensor]) => [name, await change(tensor, name)] as const)),
  );
}
