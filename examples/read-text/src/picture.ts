import { readFile } from 'node:fs/promises';
import { CutpointError, messageOf, systemReason } from '@cutpoint/core';
import type { Picture } from '@cutpoint/picture';
import { type DecodedPng, decode } from 'fast-png';

/** A line of text needs far less; this bounds what a file can make us allocate. */
const maxPixels = 8_000_000;
const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/**
 * Reads a PNG file.
 * @throws CutpointError CUT_FILE_NOT_FOUND if it cannot be read, CUT_INPUT if it is not a PNG that can be used.
 */
export async function readPicture(path: string): Promise<Picture> {
  const bytes = await readFile(path).catch((error: unknown) => {
    const message = `The picture ${path} cannot be read: ${systemReason(error)}.`;
    throw new CutpointError('CUT_FILE_NOT_FOUND', message, { cause: error });
  });
  return pictureOfPng(bytes, path);
}

/**
 * Decodes a PNG in grey or colour with 8 bits per channel; what is transparent becomes white. `name` is for messages.
 * @throws CutpointError CUT_INPUT for anything else, and for a picture of more than 8 million pixels.
 */
export function pictureOfPng(bytes: Uint8Array, name: string): Picture {
  checkHeader(bytes, name);
  let png: DecodedPng;
  try {
    png = decode(bytes, { checkCrc: true });
  } catch (error) {
    throw new CutpointError('CUT_INPUT', `${name} is a damaged PNG file: ${messageOf(error).replace(/\.$/, '')}.`, {
      cause: error,
    });
  }
  const { width, height, channels, data } = png;
  if (png.depth !== 8 || png.palette !== undefined || data.length !== width * height * channels) {
    throw new CutpointError('CUT_INPUT', `${name} must be grey or colour with 8 bits per channel; save it that way.`);
  }
  return { width, height, channels: 3, data: onWhite(data, channels) };
}

/** The size stands in the first bytes, so a giant is refused before the decoder makes room for it. */
function checkHeader(bytes: Uint8Array, name: string): void {
  if (bytes.length < 33 || signature.some((byte, at) => bytes[at] !== byte)) {
    throw new CutpointError('CUT_INPUT', `${name} is not a PNG file.`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const pixels = view.getUint32(16) * view.getUint32(20);
  if (pixels === 0 || pixels > maxPixels) {
    throw new CutpointError('CUT_INPUT', `${name} has ${pixels} pixels; it may have 1 to ${maxPixels}.`);
  }
}

/** Grey (1), grey and alpha (2), RGB (3) or RGBA (4 channels) as RGB over a white ground. */
function onWhite(data: ArrayLike<number>, channels: number): Uint8Array<ArrayBuffer> {
  const pixels = data.length / channels;
  const isGrey = channels < 3;
  const hasAlpha = channels % 2 === 0;
  const rgb = new Uint8Array(pixels * 3);
  for (let pixel = 0; pixel < pixels; pixel++) {
    const at = pixel * channels;
    const alpha = hasAlpha ? (data[at + channels - 1] ?? 0) / 255 : 1;
    for (let colour = 0; colour < 3; colour++) {
      const value = data[isGrey ? at : at + colour] ?? 0;
      rgb[pixel * 3 + colour] = Math.round(255 + (value - 255) * alpha);
    }
  }
  return rgb;
}
