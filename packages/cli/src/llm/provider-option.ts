import { CutpointError } from '@cutpoint/core';
import { type BitWidth, bitWidths, type CodeWidths } from '@cutpoint/gpu';
import { type Command, InvalidArgumentError, Option } from 'commander';

/** What computes a language model: onnxruntime on the CPU, or our own kernels on a GPU. */
export const llmProviders = ['cpu', 'wgpu'] as const;
export type LlmProvider = (typeof llmProviders)[number];

/** What `addProviderOptions` adds. */
export interface ProviderOptions {
  readonly provider: LlmProvider;
  /** Of a GPU: widths in which weights and activations are multiplied. */
  readonly bits?: CodeWidths;
}

export function addProviderOptions(command: Command): Command {
  const what = 'what computes: the CPU, or with wgpu a GPU of any maker (needs the package webgpu beside Cutpoint)';
  return command
    .addOption(new Option('--provider <name>', what).choices(llmProviders).default('cpu'))
    .option(
      '--bits <widths>',
      'with --provider wgpu: multiply weights of so many bits with activations of so many, as w4a8 (default: as the package has them, in f32)',
      parseWidths,
    );
}

/** `w4a8`. */
export function parseWidths(text: string): CodeWidths {
  const [, weights, activations] = /^w([1-8])a([1-8])$/.exec(text) ?? [];
  const width = (digit: string | undefined): BitWidth | undefined => bitWidths.find((bits) => String(bits) === digit);
  const [weightBits, activationBits] = [width(weights), width(activations)];
  if (weightBits !== undefined && activationBits !== undefined) return { weightBits, activationBits };
  throw new InvalidArgumentError('Give both widths, from 1 to 8, as w4a8.');
}

interface WgpuRequest {
  readonly at?: number | undefined;
  readonly cache: string;
  readonly leak?: true | undefined;
}

/** What a decoder on a GPU does not do yet is refused, not ignored. @throws CutpointError CUT_USAGE */
export function requireWholeInF32({ at, cache, leak }: WgpuRequest): void {
  if (leak !== undefined)
    throw new CutpointError('CUT_USAGE', 'Leaks are measured on the CPU: leave --leak or --provider away.');
  if (at !== undefined) {
    throw new CutpointError('CUT_USAGE', 'With --provider wgpu a model runs whole: leave --at away, or use cpu.');
  }
  if (cache !== 'f32') {
    throw new CutpointError('CUT_USAGE', `With --provider wgpu keys and values are kept in f32, not in ${cache}.`);
  }
}

/** Widths of codes are of a GPU. @throws CutpointError CUT_USAGE */
export function requireNoBits({ bits }: { readonly bits?: CodeWidths | undefined }): void {
  if (bits !== undefined) throw new CutpointError('CUT_USAGE', '--bits is of a GPU: give --provider wgpu as well.');
}
