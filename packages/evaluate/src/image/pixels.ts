import type { Picture } from '@cutpoint/codec';

/** 1 channel is grey, 3 are red, green and blue. */
export type PictureSize = Omit<Picture, 'data'>;

/** `640x480x3` */
export function describeSize({ width, height, channels }: PictureSize): string {
  return `${width}x${height}x${channels}`;
}

export function sameSize(a: PictureSize, b: PictureSize): boolean {
  return a.width === b.width && a.height === b.height && a.channels === b.channels;
}

/** The middle of a picture. It must be at least as large as what is cut out. */
export function cropMiddle(picture: Picture, width: number, height: number): Picture {
  const { channels } = picture;
  const left = Math.floor((picture.width - width) / 2);
  const top = Math.floor((picture.height - height) / 2);
  if (left < 0 || top < 0) throw new RangeError(`${width}x${height} does not fit into ${describeSize(picture)}`);
  const rowBytes = width * channels;
  const data = new Uint8Array(height * rowBytes);
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * picture.width + left) * channels;
    data.set(picture.data.subarray(from, from + rowBytes), y * rowBytes);
  }
  return { width, height, channels, data };
}
