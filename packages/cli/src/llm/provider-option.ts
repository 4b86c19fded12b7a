import { CutpointError } from '@cutpoint/core';
import { type BitWidth, bitWidths, type CodeWidths } from '@cutpoint/gpu';
import { type ModelProvider, modelProviders } from '@cutpoint/llm';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { WidthsAsked } from './layer-codes.js';
import { parseOpsc } from './width-options.js';

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

const widthOf = (digit: string | undefined): BitWidth | undefined => bitWidths.find((bits) => String(bits) === digit);

/** `w4a8`. */
export function parseWidths(text: string): CodeWidths {
  const [, weights, activations] = /^w([1-8])a([1-8])$/.exec(text) ?? [];
  const [weightBits, activationBits] = [widthOf(weights), widthOf(activations)];
  if (weightBits !== undefined && activationBits !== undefined) return { weightBits, activationBits };
  throw new InvalidArgumentError('Give both widths, from 1 to 8, as w4a8.');
}

/** `w4a8`, `w2:8:4a8` (the front's width, the cut, the width behind it) or the path of a JSON file. */
export function parseAskedWidths(text: string): WidthsAsked {
  if (text.endsWith('.json')) return { kind: 'file', path: text };
  const [, front, cut, back, activations] = /^w(\d):(\d{1,4}):(\d)a([1-8])$/.exec(text) ?? [];
  if (cut === undefined) return { kind: 'uniform', ...parseWidths(text) };
  const activationBits = widthOf(activations);
  if (activationBits === undefined) throw new InvalidArgumentError('Give widths from 1 to 8.');
  return { kind: 'split', split: parseOpsc(`${cut}:${front}:${back}`), activationBits };
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
