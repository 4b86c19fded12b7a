import { CutpointError } from '@cutpoint/core';
import { z } from 'zod';
import type { Log } from './log.js';
import { maxCuts } from './stage-choice.js';

/** The settings that both daemons share: which model, where it is cut, and how a segment runs. */
export const modelSettings = {
  model: z.string().min(1).meta({
    argument: 'model',
    description:
      'an ONNX file, the segments.json that `cutpoint split` wrote, or the folder of a language model that `cutpoint llm import` made',
  }),
  at: z
    .array(z.int().min(0))
    .max(maxCuts)
    .default([])
    .describe('the cut, as `cutpoint cuts` numbers it, or several with commas between; not for a segments.json'),
  preprocessing: z
    .string()
    .min(1)
    .optional()
    .describe('JSON file that makes the model take pixels (default: MODEL.preprocessing.json, where it exists)'),
  dim: z
    .record(z.string(), z.int().min(1))
    .default({})
    .describe('symbolic dimensions of the model: name=value, may be repeated'),
  codecTables: z
    .string()
    .min(1)
    .optional()
    .describe(
      'folder that `cutpoint calibrate` or `cutpoint llm calibrate` wrote, or one file of it, with tables of the codec transform (default: the folder tables beside a segments.json, where it exists)',
    ),
  provider: z
    .string()
    .min(1)
    .default('cpu')
    .describe(
      'what computes: cpu, webgpu, cuda, of a language model also wgpu (our kernels on a GPU); auto measures each once, remembers the fastest that computes what the CPU does, and says why others are not used',
    ),
  threads: z.int().min(1).max(1024).default(1).describe('threads inside one operator'),
  optimisation: z.enum(['none', 'all']).default('all').describe('graph optimisations of the runtime'),
  isolate: z
    .boolean()
    .default(false)
    .describe('run the segment in a child process: a native crash then ends nothing else'),
  maxQueue: z.int().min(1).max(65_536).default(64).describe('requests that wait for the segment; more are refused'),
  stuckMs: z
    .int()
    .min(1)
    .max(86_400_000)
    .default(30_000)
    .describe('how long a cancelled inference may still hold the segment before it counts as stuck, in ms'),
  slowDown: z
    .number()
    .min(1)
    .max(1000)
    .default(1)
    .describe('for testbeds: every inference takes this many times its own time, to stand for a slower device'),
};

/** The model of a daemon that needs one. @throws CutpointError CUT_USAGE */
export function needModel(model: string | undefined): string {
  if (model !== undefined) return model;
  const message =
    'The setting model is missing: give <model>, set CUTPOINT_MODEL, or write it in the configuration file; or give --fleet.';
  throw new CutpointError('CUT_USAGE', message);
}

/** For daemons that load segments as requests need them. */
export const maxStagesSetting = z
  .int()
  .min(1)
  .max(1024)
  .default(8)
  .describe('segments that may be loaded at the same time');

/** For daemons that run language models. */
export const bitsSetting = z
  .string()
  .min(1)
  .optional()
  .describe(
    'of a language model with provider wgpu: multiply weights of so many bits with activations of so many, as w4a8; w2:8:4a8 is 2 bits before layer 8 and 4 behind it; a file that `cutpoint llm layer-bits` wrote has a width for each layer (default: as the package has them, in f32)',
  );

/** Of a model that is no language model. @throws CutpointError CUT_USAGE */
export function refuseBits({ bits }: { readonly bits?: string | undefined }): void {
  if (bits === undefined) return;
  throw new CutpointError('CUT_USAGE', '--bits is of language models, and this is none: leave it away.');
}

/** The shared settings with their values. */
export type ModelSettings = z.output<z.ZodObject<typeof modelSettings>>;

/** The cut and the dimensions as `openSplit` takes them. */
export function splitOptionsOf({ at, dim, preprocessing }: ModelSettings) {
  return { at, preprocessing, dims: new Map(Object.entries(dim)) };
}

/** How the segment runs, as `loadStage` takes it. */
export function segmentOptionsOf(settings: Omit<ModelSettings, 'model'>, log: Pick<Log, 'warn'>) {
  const { provider, threads, optimisation, isolate, maxQueue, stuckMs, slowDown } = settings;
  const isolation = isolate ? ('process' as const) : ('thread' as const);
  const onNotice = (notice: string) => log.warn(notice);
  return { provider, threads, optimisation, isolation, maxQueue, stuckMs, slowDown, onNotice };
}
