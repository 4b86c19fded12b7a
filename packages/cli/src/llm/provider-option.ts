import { CutpointError } from '@cutpoint/core';
import { Option } from 'commander';

/** What computes a language model: onnxruntime on the CPU, or our own kernels on a GPU. */
export const llmProviders = ['cpu', 'wgpu'] as const;
export type LlmProvider = (typeof llmProviders)[number];

export function providerOption(): Option {
  const what = 'what computes: the CPU, or with wgpu a GPU of any maker (needs the package webgpu beside Cutpoint)';
  return new Option('--provider <name>', what).choices(llmProviders).default('cpu');
}

/** What a decoder on a GPU does not do yet is refused, not ignored. @throws CutpointError CUT_USAGE */
export function requireWholeInF32({ at, cache }: { readonly at?: number | undefined; readonly cache: string }): void {
  if (at !== undefined) {
    throw new CutpointError('CUT_USAGE', 'With --provider wgpu a model runs whole: leave --at away, or use cpu.');
  }
  if (cache !== 'f32') {
    throw new CutpointError('CUT_USAGE', `With --provider wgpu keys and values are kept in f32, not in ${cache}.`);
  }
}
