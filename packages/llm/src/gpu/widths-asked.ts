import { CutpointError } from '@cutpoint/core';
import { readJson } from '@cutpoint/daemon';
import { type BitWidth, bitWidths, type CodeWidths, type DecoderCodes } from '@cutpoint/gpu';
import { layerBitsOf, parseLayerBits, type SplitBits } from '../checkpoint/layer-bits.js';
import { type WeightBits, weightBits } from '../checkpoint/widths.js';
import { readPackage } from '../package/read-package.js';

/** What `--bits` says: one width, one before a cut and one behind it, or a file with one for each layer. */
export type WidthsAsked =
  | (CodeWidths & { readonly kind: 'uniform' })
  | { readonly kind: 'split'; readonly split: SplitBits; readonly activationBits: BitWidth }
  | { readonly kind: 'file'; readonly path: string };

/** Of a file, which says nothing of activations. */
const standardActivationBits = 8;

/** `w4a8`. @throws CutpointError CUT_USAGE */
export function parseWidths(text: string): CodeWidths {
  const [, weights, activations] = /^w([1-8])a([1-8])$/.exec(text) ?? [];
  const [ofWeights, ofActivations] = [widthOf(weights), widthOf(activations)];
  if (ofWeights !== undefined && ofActivations !== undefined) {
    return { weightBits: ofWeights, activationBits: ofActivations };
  }
  throw new CutpointError('CUT_USAGE', `"${text}" names no widths: give both, from 1 to 8, as w4a8.`);
}

/**
 * `w4a8`, `w2:8:4a8` (the front's width, the cut, the width behind it) or the path of a JSON file.
 * @throws CutpointError CUT_USAGE
 */
export function parseAskedWidths(text: string): WidthsAsked {
  if (text.endsWith('.json')) return { kind: 'file', path: text };
  const [, front, cut, back, activations] = /^w(\d):(\d{1,4}):(\d)a([1-8])$/.exec(text) ?? [];
  if (cut === undefined) return { kind: 'uniform', ...parseWidths(text) };
  const [before, behind] = [packedWidthOf(front), packedWidthOf(back)];
  const activationBits = widthOf(activations);
  if (before === undefined || behind === undefined || activationBits === undefined) {
    const message = `"${text}" names no widths: weights have ${weightBits.filter((bits) => bits <= 8).join(', ')} bits, as in w2:8:4a8.`;
    throw new CutpointError('CUT_USAGE', message);
  }
  return { kind: 'split', split: { cut: Number(cut), front: before, back: behind }, activationBits };
}

/**
 * The widths that a setting of a daemon asks for.
 * @throws CutpointError CUT_USAGE also for a provider that does not multiply codes; as `codesFor`.
 */
export async function codesOfSetting(
  folder: string,
  { provider, bits }: { readonly provider: string; readonly bits?: string | undefined },
): Promise<DecoderCodes | undefined> {
  if (bits === undefined) return undefined;
  if (provider === 'wgpu') return await codesFor(folder, parseAskedWidths(bits));
  throw new CutpointError('CUT_USAGE', '--bits is of our kernels on a GPU: give --provider wgpu as well.');
}

/** The widths of a package's layers. @throws CutpointError CUT_USAGE, CUT_FILE_NOT_FOUND, CUT_PACKAGE. */
export async function codesFor(folder: string, asked: WidthsAsked): Promise<DecoderCodes> {
  if (asked.kind === 'uniform') return { weightBits: asked.weightBits, activationBits: asked.activationBits };
  const { layers } = (await readPackage(folder)).manifest.config;
  const bits = asked.kind === 'split' ? asked.split : parseLayerBits(await readJson(asked.path), asked.path);
  const activationBits = asked.kind === 'split' ? asked.activationBits : standardActivationBits;
  return { weightBits: layerBitsOf(bits, layers).layers.map(codeWidthOf), activationBits };
}

function widthOf(digit: string | undefined): BitWidth | undefined {
  return bitWidths.find((bits) => String(bits) === digit);
}

function packedWidthOf(digit: string | undefined): WeightBits | undefined {
  return weightBits.find((bits) => String(bits) === digit);
}

function codeWidthOf(bits: number): BitWidth {
  const known = bitWidths.find((width) => width === bits);
  if (known !== undefined) return known;
  throw new CutpointError(
    'CUT_USAGE',
    `On a GPU codes of weights have 1 to 8 bits, not ${bits}: choose another width.`,
  );
}
