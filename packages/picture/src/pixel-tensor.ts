import { type Tensor, tensorOf } from '@cutpoint/core';
import type { Picture } from './picture.js';

/** One picture as a u8 tensor: pixel by pixel (`nhwc`), or plane by plane. */
export function pixelTensor(picture: Picture, layout: 'nhwc' | 'nchw'): Tensor {
  const { width, height, channels, data } = picture;
  if (layout === 'nhwc') return tensorOf('u8', [1, height, width, channels], data);
  return tensorOf('u8', [1, channels, height, width], channels === 1 ? data : planesOf(data));
}

function planesOf(data: Uint8Array): Uint8Array<ArrayBuffer> {
  const planes = new Uint8Array(data.length);
  const area = data.length / 3;
  for (let i = 0; i < area; i++) for (let c = 0; c < 3; c++) planes[c * area + i] = data[i * 3 + c] ?? 0;
  return planes;
}
