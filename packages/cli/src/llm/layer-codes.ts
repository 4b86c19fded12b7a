import { CutpointError } from '@cutpoint/core';
import { type BitWidth, bitWidths, type CodeWidths, type DecoderCodes } from '@cutpoint/gpu';
import { layerBitsOf, parseLayerBits, readPackage, type SplitBits } from '@cutpoint/llm';
import { readJson } from './read-json.js';

/** What `--bits` says: one width, one before a cut and one behind it, or a file with one for each layer. */
export type WidthsAsked =
  | (CodeWidths & { readonly kind: 'uniform' })
  | { readonly kind: 'split'; readonly split: SplitBits; readonly activationBits: BitWidth }
  | { readonly kind: 'file'; readonly path: string };

/** Of a file, which says nothing of activations. */
const standardActivationBits = 8;

/** The widths of a package's layers. @throws CutpointError CUT_USAGE, CUT_ILLEGAL_CUT, CUT_FILE_NOT_FOUND, CUT_PACKAGE. */
export async function codesFor(folder: string, asked: WidthsAsked | undefined): Promise<DecoderCodes | undefined> {
  if (asked === undefined || asked.kind === 'uniform') return asked;
  const { layers } = (await readPackage(folder)).manifest.config;
  const bits = asked.kind === 'split' ? asked.split : parseLayerBits(await readJson(asked.path), asked.path);
  const activationBits = asked.kind === 'split' ? asked.activationBits : standardActivationBits;
  return { weightBits: layerBitsOf(bits, layers).layers.map(bitWidthOf), activationBits };
}

function bitWidthOf(bits: number): BitWidth {
  const known = bitWidths.find((width) => width === bits);
  if (known !== undefined) return known;
  throw new CutpointError(
    'CUT_USAGE',
    `On a GPU codes of weights have 1 to 8 bits, not ${bits}: choose another width.`,
  );
}
