import { CutpointError, type DType, describeType, type Tensor } from '@cutpoint/core';
import type { ImageCoder, ImageQuality, Picture } from './image-coder.js';

/** A tensor as both sides of a cut know it. */
interface TensorType {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

type Layout = 'nhwc' | 'nchw';
type PictureType = Omit<Picture, 'data'> & { readonly layout: Layout };

/** True for tensors that are one picture: u8, [1, height, width, 1 or 3] or [1, 1 or 3, height, width]. */
export function isPicture(type: TensorType): boolean {
  return pictureType(type) !== undefined;
}

/**
 * The pixels that cross cut 0, as a picture file: u8, one dimension.
 * @throws CutpointError CUT_IMAGE if the tensor is no picture, and what the coder throws.
 */
export async function encodePixels(tensor: Tensor, quality: ImageQuality, coder: ImageCoder): Promise<Tensor> {
  const { layout, ...size } = requirePicture(tensor);
  const data = layout === 'nhwc' ? tensor.data : interleaved(tensor.data, size.channels);
  const file = await coder.encode({ ...size, data }, quality);
  return { dtype: 'u8', shape: [file.length], data: file };
}

/**
 * The pixels of a picture file that has crossed, as the tensor that was agreed.
 * @throws CutpointError CUT_IMAGE if what came is no picture of that size.
 */
export async function decodePixels(file: Tensor, expected: TensorType, coder: ImageCoder): Promise<Tensor> {
  const { layout, ...size } = requirePicture(expected);
  if (file.dtype !== 'u8' || file.shape.length !== 1) {
    throw new CutpointError('CUT_IMAGE', `A picture file is needed, not ${describeType(file.dtype, file.shape)}.`);
  }
  const { data } = await coder.decode(file.data, size);
  const { dtype, shape } = expected;
  return { dtype, shape, data: layout === 'nhwc' ? data : planes(data, size.channels) };
}

function requirePicture(type: TensorType): PictureType {
  const picture = pictureType(type);
  if (picture !== undefined) return picture;
  const found = describeType(type.dtype, type.shape);
  throw new CutpointError(
    'CUT_IMAGE',
    `Only a picture can be coded as one, u8[1, height, width, 3], and this is ${found}: use it at cut 0 of a model with a declared preprocessing.`,
  );
}

function pictureType({ dtype, shape }: TensorType): PictureType | undefined {
  const [batch, a = 0, b = 0, c = 0, ...more] = shape;
  if (dtype !== 'u8' || batch !== 1 || shape.length < 4 || more.length > 0) return undefined;
  if (c === 1 || c === 3) return { layout: 'nhwc', height: a, width: b, channels: c };
  if (a === 1 || a === 3) return { layout: 'nchw', channels: a, height: b, width: c };
  return undefined;
}

function interleaved(data: Uint8Array, channels: number): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(data.length);
  const area = data.length / channels;
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < area; i++) result[i * channels + c] = data[c * area + i] ?? 0;
  }
  return result;
}

function planes(data: Uint8Array, channels: number): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(data.length);
  const area = data.length / channels;
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < area; i++) result[c * area + i] = data[i * channels + c] ?? 0;
  }
  return result;
}
