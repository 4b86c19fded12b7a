import type { DecoderConfig } from '../architecture/decoder-config.js';

/** Texts of whole length that a GPU's cache has room for at most, however much memory there is. */
const mostContexts = 8;

/** Tokens whose keys and values of some layers fit so many bytes in f32. */
export function tokensThatFit(
  bytes: number,
  { kvHeads, headSize, contextTokens }: DecoderConfig,
  layers: number,
): number {
  const perToken = 2 * 4 * Math.max(1, layers) * kvHeads * headSize;
  return Math.max(1, Math.min(mostContexts * contextTokens, Math.floor(bytes / perToken)));
}
