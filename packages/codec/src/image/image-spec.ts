import { CutpointError } from '@cutpoint/core';
import { type ImageQuality, imageFormats } from './image-coder.js';

const prefix = 'image:';
const maxLength = 200;

/** True if a codec's spec is one of pictures, `image:...`. */
export function isImageSpec(spec: string): boolean {
  return spec.startsWith(prefix);
}

/**
 * `image:format=webp,quality=90`, `image:format=jpeg,quality=95,chroma=444`.
 * @throws CutpointError CUT_USAGE
 */
export function parseImageSpec(spec: string): ImageQuality {
  if (spec.length > maxLength || !isImageSpec(spec)) throw wrong(spec);
  const values = new Map<string, string>();
  for (const part of spec.slice(prefix.length).split(',')) {
    const [key = '', value, ...more] = part.split('=');
    if (value === undefined || more.length > 0 || values.has(key)) throw wrong(spec);
    values.set(key, value);
  }
  const { format: formatName, quality: qualityText = '', chroma = '420', ...unknown } = Object.fromEntries(values);
  const format = imageFormats.find((name) => name === formatName);
  const quality = /^\d{1,3}$/.test(qualityText) ? Number(qualityText) : 0;
  if (format === undefined || Object.keys(unknown).length > 0) throw wrong(spec);
  if (quality < 1 || quality > 100 || (chroma !== '420' && chroma !== '444')) throw wrong(spec);
  if (format === 'webp' && chroma === '444') throw wrong(spec);
  return { format, quality, chroma };
}

/** What `parseImageSpec` reads back as the same. */
export function printImageSpec({ format, quality, chroma }: ImageQuality): string {
  return `${prefix}format=${format},quality=${quality}${chroma === '444' ? ',chroma=444' : ''}`;
}

function wrong(spec: string): CutpointError {
  const message = `"${spec.slice(0, maxLength)}" is no codec of pictures: write image:format=F,quality=Q[,chroma=420|444] with F one of ${imageFormats.join(', ')} (webp is 420 alone) and Q from 1 to 100.`;
  return new CutpointError('CUT_USAGE', message);
}
