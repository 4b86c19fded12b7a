import type { PictureSize } from '@cutpoint/evaluate';
import { InvalidArgumentError } from 'commander';

/** `--raw-size` of verbs that read data sets. */
export const rawSizeOption = [
  '--raw-size <size>',
  'of raw pixels, as 32x32x3: width, height, channels (default: NAME.json beside them, or what the model takes)',
] as const;

/** `32x32x3` */
export function parsePictureSize(text: string): PictureSize {
  const [, width, height, channels] = /^([1-9]\d{0,4})x([1-9]\d{0,4})x([13])$/.exec(text) ?? [];
  if (channels === undefined) throw new InvalidArgumentError('Give width, height and channels (1 or 3), as 32x32x3.');
  return { width: Number(width), height: Number(height), channels: channels === '1' ? 1 : 3 };
}
