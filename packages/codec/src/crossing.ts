import { CutpointError, type DType, type NamedTensors, type Tensor, tensorOf } from '@cutpoint/core';
import type { Codec, DecodeLimits } from './codec.js';
import { beyond, isFloat } from './floats.js';
import type { Kernels } from './kernels/kernels.js';
import { openKernels } from './kernels/load-kernels.js';
import { openCodec } from './registry.js';
import { parseSpec, printSpec } from './spec/spec.js';
import { tableNamed } from './transform/tables.js';

/** Most elements of a tensor that has crossed, where the receiver states no limit: 256 MB of f32. */
const standardLimits: DecodeLimits = { maxElements: 1 << 26 };

/**
 * What crosses a cut, as it travels. Under `raw` tensors are as they are, and under `f16` those of f32 are rounded to f16
 * tensors. Under any other codec a float tensor becomes a u8 tensor of its payload, and others are as they are.
 * @param codec a codec or its spec, such as `ts-tabq:delta=1e-3+rans`; a transform has to be opened with its table.
 * @throws CutpointError CUT_USAGE for a wrong spec, CUT_CODEC_TABLE for the spec of a transform, CUT_CODEC if the codec
 *   cannot carry a tensor.
 */
export function encodeCrossing(tensors: NamedTensors, codec: string | Codec): NamedTensors {
  if (codec === 'raw') return tensors;
  if (codec === 'f16') return mapTensors(tensors, (tensor) => (tensor.dtype === 'f32' ? toF16(tensor) : tensor));
  const opened = typeof codec === 'string' ? codecOfCrossing(codec) : codec;
  return mapTensors(tensors, (tensor) => {
    if (!isFloat(tensor)) return tensor;
    const payload = opened.encode(tensor);
    return tensorOf('u8', [payload.length], payload);
  });
}

/**
 * What has crossed a cut, as the segment behind it takes it.
 * @param codec as `encodeCrossing` was given.
 * @param dtypes of the tensors before they were encoded, by name.
 * @param limits of what is decoded from payloads.
 * @throws CutpointError CUT_INPUT if a tensor has travelled as something that the codec does not make, CUT_CODEC_PAYLOAD
 *   if its payload is damaged or too large, CUT_USAGE for a wrong spec.
 */
export function decodeCrossing(
  tensors: NamedTensors,
  codec: string | Codec,
  dtypes: ReadonlyMap<string, DType>,
  limits: DecodeLimits = standardLimits,
): NamedTensors {
  if (codec === 'raw') return tensors;
  if (codec === 'f16') {
    return mapTensors(tensors, (tensor, name) => {
      if (dtypes.get(name) !== 'f32') return tensor;
      return toF32(expectAs('f16', tensor, name));
    });
  }
  const opened = typeof codec === 'string' ? codecOfCrossing(codec) : codec;
  return mapTensors(tensors, (tensor, name) => {
    const dtype = dtypes.get(name);
    if (dtype === undefined || !isFloat({ ...tensor, dtype })) return tensor;
    const decoded = opened.decode(expectAs('u8', tensor, name).data, limits);
    if (decoded.dtype === dtype) return decoded;
    throw new CutpointError(
      'CUT_INPUT',
      `Tensor "${name}" should be ${dtype}, but its payload is of ${decoded.dtype}.`,
    );
  });
}

/**
 * Says whether tensors can cross a cut under a spec, and gives its canonical text. Whether the table that it names is
 * there is another matter.
 * @throws CutpointError CUT_USAGE that says what is wrong with it.
 */
export function checkCrossing(spec: string): string {
  return tableNamed(spec) === undefined ? codecOfCrossing(spec).spec : printSpec(parseSpec(spec));
}

/** Codecs keep no state, so that those used last are kept; few are in use at a time. */
const mostCached = 64;
const cached = new Map<string, Codec>();

/** The codec of a spec whose tensors cross as payloads. @throws CutpointError CUT_USAGE, CUT_CODEC_TABLE as `openCodec`. */
export function codecOfCrossing(spec: string): Codec {
  const known = cached.get(spec);
  if (known !== undefined) return known;
  const codec = openCodec(spec, { kernels: sharedKernels() });
  const [oldest] = cached.keys();
  if (cached.size >= mostCached && oldest !== undefined) cached.delete(oldest);
  cached.set(spec, codec);
  return codec;
}

let kernels: Kernels | undefined;

/** Made when first needed, as not every process has tensors crossing. */
function sharedKernels(): Kernels {
  kernels ??= openKernels();
  return kernels;
}

function mapTensors(tensors: NamedTensors, change: (tensor: Tensor, name: string) => Tensor): NamedTensors {
  return new Map(Array.from(tensors, ([name, tensor]) => [name, change(tensor, name)]));
}

function expectAs(dtype: DType, tensor: Tensor, name: string): Tensor {
  if (tensor.dtype === dtype) return tensor;
  const message = `Tensor "${name}" should cross the cut as ${dtype}, but came as ${tensor.dtype}.`;
  throw new CutpointError('CUT_INPUT', message);
}

function toF16({ shape, data }: Tensor): Tensor {
  const { buffer, byteOffset, byteLength } = aligned(data, 4);
  const halves = new Uint16Array(byteLength / 4);
  const overflows = sharedKernels().toHalves(new Float32Array(buffer, byteOffset, byteLength / 4), halves);
  if (overflows > 0) throw beyond('f32', 'f16');
  return tensorOf('f16', shape, halves);
}

function toF32({ shape, data }: Tensor): Tensor {
  const { buffer, byteOffset, byteLength } = aligned(data, 2);
  const numbers = new Float32Array(byteLength / 2);
  sharedKernels().fromHalves(new Uint16Array(buffer, byteOffset, byteLength / 2), numbers);
  return tensorOf('f32', shape, numbers);
}

/** Typed arrays need their alignment; a view of someone's bytes may lack it. */
function aligned(data: Uint8Array<ArrayBuffer>, elementBytes: number): Uint8Array<ArrayBuffer> {
  return data.byteOffset % elementBytes === 0 ? data : data.slice();
}
