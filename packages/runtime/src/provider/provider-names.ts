import { CutpointError } from '@cutpoint/core';
import { autoProvider } from './provider-choice.js';

/** @throws CutpointError CUT_PROVIDER for what computes language models alone. */
export function refuseModelProvider(provider: string): void {
  if (provider !== 'wgpu') return;
  const message =
    "The provider 'wgpu' computes language models that `cutpoint llm import` made; for a segment choose auto, cpu, webgpu or cuda.";
  throw new CutpointError('CUT_PROVIDER', message);
}

/** @param known what the runtime has. */
export function unknownProvider(provider: string, known: readonly string[]): CutpointError {
  const message = `The execution provider '${provider}' is unknown here; choose one of ${[autoProvider, ...known].join(', ')}.`;
  return new CutpointError('CUT_PROVIDER', message);
}
