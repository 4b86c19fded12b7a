import { CutpointError } from '@cutpoint/core';
import type { BitWidth } from '../matrix/code-matrix.js';
import type { CodeWidths } from './gpu-layer.js';

/** Widths in which a decoder's layers are multiplied: the same for all, or of each layer of the model, from the first on. */
export interface DecoderCodes extends Omit<CodeWidths, 'weightBits'> {
  readonly weightBits: BitWidth | readonly BitWidth[];
}

/** @throws CutpointError CUT_USAGE where a layer has no width, or there are widths for more layers. */
export function codesOfLayer(
  { weightBits, ...rest }: DecoderCodes,
  layer: number,
  { layers }: { readonly layers: number },
): CodeWidths {
  if (typeof weightBits === 'number') return { ...rest, weightBits };
  const own = weightBits[layer];
  if (own !== undefined && weightBits.length === layers) return { ...rest, weightBits: own };
  const message = `${weightBits.length} widths were given for the weights of ${layers} layers: give one for each.`;
  throw new CutpointError('CUT_USAGE', message);
}
