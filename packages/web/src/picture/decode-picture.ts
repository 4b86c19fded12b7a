import { CutpointError } from '@cutpoint/core';
import type { Picture } from '@cutpoint/picture';

/** Larger pictures are refused; a photograph has less. */
const mostFileBytes = 64 * 1024 ** 2;
const mostPixels = 100_000_000;

/** What shows through where a picture is transparent. */
export type Ground = '#000' | '#fff';

/** A picture file as the browser reads it, turned upright; to be closed. @throws CutpointError CUT_IMAGE */
export async function openPicture(file: Blob): Promise<ImageBitmap> {
  if (file.size > mostFileBytes)
    throw new CutpointError('CUT_IMAGE', 'The picture has more than 64 MB; take a smaller one.');
  return await createImageBitmap(file, { imageOrientation: 'from-image' }).catch((cause: unknown) => {
    throw new CutpointError('CUT_IMAGE', 'This browser cannot read the picture: take a PNG, JPEG or WebP.', { cause });
  });
}

/** The pixels of a picture file. @throws CutpointError CUT_IMAGE */
export async function decodePicture(file: Blob, ground: Ground): Promise<Picture> {
  const bitmap = await openPicture(file);
  try {
    return pixelsOf(bitmap, bitmap.width, bitmap.height, ground);
  } finally {
    bitmap.close();
  }
}

/** The pixels of what can be drawn, such as a frame of a camera. @throws CutpointError CUT_IMAGE */
export function pixelsOf(image: CanvasImageSource, width: number, height: number, ground: Ground): Picture {
  if (width * height === 0 || width * height > mostPixels) {
    throw new CutpointError('CUT_IMAGE', `A picture of ${width} x ${height} cannot be used.`);
  }
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  if (context === null) throw new CutpointError('CUT_IMAGE', 'This browser gives pages no canvas to read pictures by.');
  context.fillStyle = ground;
  context.fillRect(0, 0, width, height);
  context.drawImage(image, 0, 0, width, height);
  return { width, height, channels: 3, data: withoutAlpha(context.getImageData(0, 0, width, height).data) };
}

function withoutAlpha(rgba: Uint8ClampedArray): Uint8Array<ArrayBuffer> {
  const pixels = rgba.length / 4;
  const rgb = new Uint8Array(pixels * 3);
  for (let i = 0; i < pixels; i++) {
    rgb[i * 3] = rgba[i * 4] ?? 0;
    rgb[i * 3 + 1] = rgba[i * 4 + 1] ?? 0;
    rgb[i * 3 + 2] = rgba[i * 4 + 2] ?? 0;
  }
  return rgb;
}
