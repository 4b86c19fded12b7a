import { CutpointError } from '@cutpoint/core';
import { Decoder } from '../../decode/decoder.js';
import { DecoderRange, type DecoderRangeOptions } from '../../decode/decoder-range.js';
import { openEmbedding } from '../../decode/open-embedding.js';
import { openPackageText, type PackageText } from '../../decode/package-text.js';
import type { TokenDecoder } from '../../decode/token-decoder.js';
import type { PackageManifest } from '../../package/package-manifest.js';
import { widthOfLayers } from '../../package/width-of-layers.js';
import { dialServer } from './dial-server.js';
import { openAgentParts } from './open-parts.js';
import { openSplit, type SplitOptions } from './open-split.js';
import { SplitDecoder, type SplitWidths } from './split-decoder.js';

/** With `at` the number of layers all run here, and no server is needed. */
export interface SplitDecoderOptions extends DecoderRangeOptions, Omit<SplitOptions, 'signal'> {}

/** A package that is open on this machine, as far as it runs here. */
export interface SplitLanguageModel extends PackageText, AsyncDisposable {
  readonly decoder: TokenDecoder;
}

/**
 * Opens the agent's part of a package and connects to the first server that can be used.
 * @throws CutpointError as `openPackageText` and `openSplitDecoder`.
 */
export async function openSplitLanguageModel(
  folder: string,
  options: SplitDecoderOptions,
): Promise<SplitLanguageModel> {
  const text = await openPackageText(folder);
  const decoder = await openSplitDecoder(folder, text.manifest, options);
  return { ...text, decoder, [Symbol.asyncDispose]: () => decoder[Symbol.asyncDispose]() };
}

/** What the layers of a model are stored in here, and at the server where it is cut. */
export function splitWidthsOf({ decoder, manifest }: SplitLanguageModel): SplitWidths {
  return decoder instanceof SplitDecoder ? decoder.widths : { agent: widthOfLayers(manifest.layers), server: null };
}

/**
 * Opens a decoder that is cut in two; the whole one where the cut leaves nothing to a server.
 * @throws CutpointError CUT_ILLEGAL_CUT, and what `openSplit`, `DecoderRange.open`, `openEmbedding` or `Decoder.open` throw.
 */
export async function openSplitDecoder(
  folder: string,
  manifest: PackageManifest,
  options: SplitDecoderOptions,
): Promise<TokenDecoder> {
  const { at } = options;
  const { layers } = manifest.config;
  if (at > layers) {
    throw new CutpointError('CUT_ILLEGAL_CUT', `There is no cut at ${at}: the model has layers 0 to ${layers}.`);
  }
  if (at === layers) return await Decoder.open(folder, manifest, options);
  return await openSplit(manifest, options, {
    dial: dialServer,
    openParts: async (split) => {
      const parts = await openAgentParts(manifest, split, {
        embedding: () => openEmbedding(folder, manifest),
        front: (range) => DecoderRange.open(folder, manifest, range, options),
        head: (range) => DecoderRange.open(folder, manifest, range, { ...options, cache: 'f32' }),
      });
      return { ...parts, recomputes: options.cache === 'none' };
    },
  });
}
