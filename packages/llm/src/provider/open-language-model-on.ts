import { CutpointError } from '@cutpoint/core';
import { askedFor, openChosen, type ProviderChoice } from '@cutpoint/runtime';
import type { Decoder } from '../decode/decoder.js';
import type { DecoderRangeOptions } from '../decode/decoder-range.js';
import { openLanguageModel } from '../decode/language-model.js';
import type { PackageText } from '../decode/package-text.js';
import type { WgpuDecoder, WgpuOptions } from '../gpu/wgpu-decoder.js';
import { openWgpuLanguageModel } from '../gpu/wgpu-language-model.js';
import type { CacheChoice } from '../graph/cache-kind.js';
import { readPackage } from '../package/read-package.js';
import { chooseRangeProvider } from './choose-range-provider.js';

/** What a language model can be asked to run on. */
export const modelProviders = ['auto', 'cpu', 'webgpu', 'cuda', 'wgpu'] as const;
export type ModelProvider = (typeof modelProviders)[number];

export interface ProviderModelOptions extends Omit<DecoderRangeOptions, 'provider' | 'cache' | 'threads'> {
  readonly provider: ModelProvider;
  /** Of the CPU. Default 1. */
  readonly threads?: number;
  readonly cache?: CacheChoice;
  /** Of our own kernels, where they are what computes. */
  readonly wgpu?: Omit<WgpuOptions, 'signal'>;
  /** Hears a sentence before providers are measured, which takes a while. */
  readonly onMeasuring?: ((sentence: string) => void) | undefined;
}

/** A package that is open on this machine, and on what. */
export interface OpenedModel extends PackageText, AsyncDisposable {
  readonly decoder: Decoder | WgpuDecoder;
  readonly provider: ProviderChoice;
}

/**
 * Opens all of a package on a provider; with `auto` on that which is fastest here, as remembered or measured now.
 * @throws CutpointError as `openLanguageModel` and `openWgpuLanguageModel`; CUT_USAGE for keys and values that a GPU does not keep so.
 */
export async function openLanguageModelOn(
  folder: string,
  { provider, wgpu, onMeasuring, ...options }: ProviderModelOptions,
): Promise<OpenedModel> {
  const { threads = 1, cache = 'f32', signal } = options;
  const open = async (named: string) => {
    if (named !== 'wgpu') return await openLanguageModel(folder, { ...options, provider: named });
    if (cache === 'f32') return await openWgpuLanguageModel(folder, { ...wgpu, ...(signal && { signal }) });
    const message = `With --provider wgpu keys and values are kept in f32, not in ${cache}.`;
    throw new CutpointError('CUT_USAGE', message);
  };
  if (provider !== 'auto') return { ...(await open(provider)), provider: askedFor(provider) };
  const made = await readPackage(folder);
  const range = { from: 0, to: made.manifest.config.layers, head: true };
  const kept = await chooseRangeProvider(made, range, { threads, cache, signal, own: true, onMeasuring });
  const { opened, provider: chosen } = await openChosen(kept, open);
  return { ...opened, provider: chosen };
}
