import { CutpointError, elementCount, type Tensor } from '@cutpoint/core';
import { ByteReader, ByteWriter, checksumBytes, damaged } from './bytes.js';
import type { DecodeLimits } from './codec.js';
import { type FloatTensor, type FloatTensorType, floatTypes, isFloat } from './floats.js';

/**
 * A payload: a byte of tag * 4 + element type; a varint for the rank and one for each dimension; the body, as the codec
 * writes it; four bytes with the xxHash32 of all that, by which a changed payload is told from an unchanged one.
 */

/** Most dimensions that a payload states. */
export const maxRank = 8;

/** What tells the payloads of codecs apart: the first byte holds it. Numbers are never used again. */
export const tags = {
  raw: 0,
  f16: 1,
  bf16: 2,
  affine: 3,
  'ts-tabq': 4,
  transform: 5,
  delta: 7,
} as const satisfies Record<string, number>;
/** Added to the tag for each stage around the codec. */
export const stageTags = { rans: 8, topk: 16, sparse: 32 } as const;

/** What a payload is checked with. */
export type Checksum = (bytes: Uint8Array) => number;

/**
 * A payload of a body that `write` adds.
 * @throws CutpointError CUT_CODEC if the element type is no float type or the rank is too high.
 */
export function sealPayload(
  tag: number,
  tensor: Tensor,
  checksum: Checksum,
  write: (tensor: FloatTensor, out: ByteWriter) => void,
): Uint8Array<ArrayBuffer> {
  if (!isFloat(tensor) || tensor.shape.length > maxRank) {
    const kind = `${tensor.dtype} tensors of rank ${tensor.shape.length}`;
    const message = `Codecs carry float tensors of up to ${maxRank} dimensions, not ${kind}: send it raw.`;
    throw new CutpointError('CUT_CODEC', message);
  }
  return sealBody(tag, tensor, checksum, (out) => write(tensor, out));
}

/** The payload of a body that `write` adds, for a tensor of this type. */
export function sealBody(
  tag: number,
  { dtype, shape }: FloatTensorType,
  checksum: Checksum,
  write: (out: ByteWriter) => void,
): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter();
  out.u8(tag * 4 + floatTypes.indexOf(dtype));
  out.varint(shape.length);
  for (const dim of shape) out.varint(dim);
  write(out);
  return out.sealed(checksum);
}

/**
 * What `read` makes of the body of a payload; all of it has to be read.
 * @throws CutpointError CUT_CODEC_PAYLOAD if the payload is not one of the tag, unchanged and within the limits.
 */
export function openPayload<T>(
  tag: number,
  payload: Uint8Array,
  { checksum, limits }: { readonly checksum: Checksum; readonly limits: DecodeLimits },
  read: (type: FloatTensorType, body: ByteReader) => T,
): T {
  const length = payload.length - checksumBytes;
  if (length < 2) throw damaged('is cut short');
  if (new ByteReader(payload.subarray(length)).u32() !== checksum(payload.subarray(0, length))) {
    throw damaged('is not what was sent');
  }
  const body = new ByteReader(payload.subarray(0, length));
  const type = readType(tag, body, limits);
  const result = read(type, body);
  body.end();
  return result;
}

function readType(tag: number, body: ByteReader, { maxElements }: DecodeLimits): FloatTensorType {
  const first = body.u8();
  const dtype = floatTypes[first % 4];
  if (first >> 2 !== tag || dtype === undefined) throw damaged('was made by another codec');
  const rank = body.varint(maxRank);
  const shape = Array.from({ length: rank }, () => body.varint(2 ** 31 - 1));
  const elements = elementCount(shape);
  if (elements > maxElements) throw damaged(`claims ${elements} elements, above the limit of ${maxElements}`);
  return { dtype, shape };
}
