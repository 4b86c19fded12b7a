import { CutpointError } from '@cutpoint/core';
import { type ModelProvider, modelProviders, parseAskedWidths, type WidthsAsked } from '@cutpoint/llm';
import { type Command, Option } from 'commander';

/** What `addProviderOptions` adds. */
export interface ProviderOptions {
  readonly provider: ModelProvider;
  /** Of a GPU: widths in which weights and activations are multiplied. */
  readonly bits?: WidthsAsked;
}

export function addProviderOptions(command: Command): Command {
  const what =
    'what computes: cpu; wgpu, our kernels on a GPU (needs the package webgpu beside Cutpoint); webgpu or cuda of onnxruntime; auto measures each once and remembers the fastest';
  return command
    .addOption(new Option('--provider <name>', what).choices(modelProviders).default('cpu'))
    .option(
      '--bits <widths>',
      'with --provider wgpu: multiply weights of so many bits with activations of so many, as w4a8; w2:8:4a8 is 2 bits before layer 8 and 4 behind it; a file that `cutpoint llm layer-bits` wrote has a width for each layer (default: as the package has them, in f32)',
      parseAskedWidths,
    );
}

interface ModelAsked extends Partial<ProviderOptions> {
  readonly at?: number | undefined;
  readonly threads: number;
  readonly leak?: true | undefined;
}

/** What a provider does not do is refused, not ignored. @throws CutpointError CUT_USAGE */
export function requireFitting({ provider = 'cpu', bits, at, threads, leak }: ModelAsked): void {
  if (bits !== undefined && provider !== 'wgpu') {
    throw new CutpointError('CUT_USAGE', '--bits is of our kernels on a GPU: give --provider wgpu as well.');
  }
  if (provider === 'cpu') return;
  if (leak !== undefined)
    throw new CutpointError('CUT_USAGE', 'Leaks are measured on the CPU: leave --leak or --provider away.');
  if (at !== undefined) {
    throw new CutpointError(
      'CUT_USAGE',
      `With --provider ${provider} a model runs whole: leave --at away, or use cpu.`,
    );
  }
  if (provider === 'wgpu' && threads > 1) {
    throw new CutpointError('CUT_USAGE', '--threads is of the CPU: leave it away with --provider wgpu.');
  }
}
