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
