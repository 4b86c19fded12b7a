import { CutpointError } from '@cutpoint/core';
import type { DecoderCodes } from '@cutpoint/gpu';
import type { ProviderChoice } from '@cutpoint/runtime';
import { readTuning } from '../gpu/tuning-file.js';
import { freeMemoryBytes } from '../memory/free-memory.js';
import {
  type ModelProvider,
  modelProviders,
  type OpenedModel,
  openLanguageModelOn,
  type ProviderModelOptions,
} from './open-language-model-on.js';

/** What a daemon's setting `provider` says of a language model. @throws CutpointError CUT_PROVIDER */
export function modelProviderOf(provider: string): ModelProvider {
  const known = modelProviders.find((name) => name === provider);
  if (known !== undefined) return known;
  const message = `A language model runs on ${modelProviders.join(', ')}, not on ${provider}.`;
  throw new CutpointError('CUT_PROVIDER', message);
}

/** Of the memory that is free here: a GPU does not say how much it has. */
const gpuCacheShare = 0.25;

/** Hears what a person should know. */
interface Told {
  warn(details: object, message: string): void;
  info(details: object, message: string): void;
}

export interface WholeModelOptions extends Pick<ProviderModelOptions, 'provider' | 'threads' | 'cache'> {
  /** Widths in which `wgpu` multiplies. Default: weights as the package has them, times f32. */
  readonly codes?: DecoderCodes | undefined;
}

/**
 * Opens all of a package for a daemon: texts of several callers, for as long as it runs.
 * @throws CutpointError as `openLanguageModelOn`; CUT_USAGE for threads of a GPU.
 */
export async function openWholeModel(
  folder: string,
  { codes, ...options }: WholeModelOptions,
  log: Told,
): Promise<OpenedModel> {
  requireNoThreads(options);
  const onLost = (lost: CutpointError, failed: CutpointError | undefined) =>
    log.warn({ error: lost.message, failed: failed?.message }, 'the GPU was lost, and opened again unless that failed');
  const wgpu = { cacheBytes: (await freeMemoryBytes()) * gpuCacheShare, onLost, codes, tuning: readTuning };
  const model = await openLanguageModelOn(folder, {
    ...options,
    wgpu,
    onMeasuring: (sentence) => log.info({}, sentence),
  });
  tellChoice(model.provider, log);
  return model;
}

/** Threads are of the CPU. @throws CutpointError CUT_USAGE */
export function requireNoThreads({ provider, threads = 1 }: Pick<ProviderModelOptions, 'provider' | 'threads'>): void {
  if (provider !== 'wgpu' || threads === 1) return;
  throw new CutpointError('CUT_USAGE', '--threads is of the CPU: leave it away with --provider wgpu.');
}

/** What was chosen by measurement, and why others were not. */
export function tellChoice({ provider, how, notices }: ProviderChoice, log: Told): void {
  if (how === 'asked') return;
  log.info({ provider, how }, 'chose what computes');
  for (const notice of notices) log.warn({}, notice);
}
