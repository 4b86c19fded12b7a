import { CutpointError, type DType, type NamedTensors, type Tensor } from '@cutpoint/core';
import { fromHalves, toHalves } from './kernels/half.js';

/** Ways for tensors to cross a cut. `raw`: as they are. `f16`: f32 elements rounded to half precision, others as they are. */
export const codecIds = ['raw', 'f16'] as const;
export type CodecId = (typeof codecIds)[number];

/** What crosses a cut, as it travels. @throws CutpointError CUT_CODEC if f16 cannot hold an element. */
export function encodeCrossing(tensors: NamedTensors, codec: CodecId): NamedTensors {
  return codec === 'raw'
    ? tensors
    : mapTensors(tensors, (tensor, name) => (tensor.dtype === 'f32' ? toF16(tensor, name) : tensor));
}

/**
 * What has crossed a cut, as the segment behind it takes it.
 * @param dtypes of the tensors before they were encoded, by name.
 * @throws CutpointError CUT_INPUT if a tensor has travelled as something that the codec does not make.
 */
export function decodeCrossing(
  tensors: NamedTensors,
  codec: CodecId,
  dtypes: ReadonlyMap<string, DType>,
): NamedTensors {
  if (codec === 'raw') return tensors;
  return mapTensors(tensors, (tensor, name) => {
    if (dtypes.get(name) !== 'f32') return tensor;
    if (tensor.dtype === 'f16') return toF32(tensor);
    throw new CutpointError('CUT_INPUT', `Tensor "${name}" should cross the cut as f16, but came as ${tensor.dtype}.`);
  });
}

function mapTensors(tensors: NamedTensors, change: (tensor: Tensor, name: string) => Tensor): NamedTensors {
  return new Map(Array.from(tensors, ([name, tensor]) => [name, change(tensor, name)]));
}

function toF16({ shape, data }: Tensor, name: string): Tensor {
  const { buffer, byteOffset, byteLength } = aligned(data, 4);
  const halves = new Uint16Array(byteLength / 4);
  if (toHalves(new Float32Array(buffer, byteOffset, byteLength / 4), halves) > 0) {
    const message = `Tensor "${name}" has elements beyond 65504, the largest that f16 holds: choose another codec.`;
    throw new CutpointError('CUT_CODEC', message);
  }
  return { dtype: 'f16', shape, data: bytesOf(halves) };
}

function toF32({ shape, data }: Tensor): Tensor {
  const { buffer, byteOffset, byteLength } = aligned(data, 2);
  const numbers = new Float32Array(byteLength / 2);
  fromHalves(new Uint16Array(buffer, byteOffset, byteLength / 2), numbers);
  return { dtype: 'f32', shape, data: bytesOf(numbers) };
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint16Array<ArrayBuffer> | Float32Array<ArrayBuffer>) {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Typed arrays need their alignment; a view of someone's bytes may lack it. */
function aligned(data: Uint8Array, elementBytes: number): Uint8Array {
  return data.byteOffset % elementBytes === 0 ? data : data.slice();
}
