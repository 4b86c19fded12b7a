import { type Codec, openCodec, openKernels } from '@cutpoint/codec';
import { elementCount, f32Values, median, type Tensor, throwIfCancelled } from '@cutpoint/core';
import { readActivations } from './activations.js';

/** One codec on one tensor. Rates are of the f32 that goes in or comes out, in 10^9 bytes per second on one core. */
export interface CodecRow {
  readonly tensor: string;
  readonly codec: string;
  readonly encodeGBps: number;
  readonly decodeGBps: number;
  /** Of a copy of the tensor to new memory, which takes turns with the codec. */
  readonly memcpyGBps: number;
  /** Of the payload. */
  readonly bytes: number;
  /** Bytes of the tensor over those of the payload. */
  readonly ratio: number;
  /** Sum of squared errors over the sum of squares. */
  readonly relMse: number;
  readonly maxAbs: number;
}

export interface CodecBench {
  readonly kernels: string;
  /** What was not measured, and why. */
  readonly notes: readonly string[];
  readonly rows: readonly CodecRow[];
}

/** The codecs that are measured unless others are named. */
export const usualCodecs: readonly string[] = [
  'f16',
  'bf16',
  'affine:bits=8',
  'affine:bits=4,per=channel',
  'affine:bits=4,per=token',
  'ts-tabq',
  'ts-tabq:token=channel',
  'affine:bits=4,per=channel+rans',
  'ts-tabq+rans',
];

/** For so long, and so often at least, each piece of work is run. Runs are timed one by one and take turns. */
const measureMs = 60;
const leastRuns = 9;
/** Before that, to have it in the caches. */
const warmUpMs = 60;
/**
 * Before anything is measured each piece of work is run for so long, so that all rows, the first like the last, find code
 * that is compiled and has seen every tensor, as in a daemon that runs.
 */
const compileMs = 20;

/**
 * Measures codecs on what crosses cuts of real models when they look at real pictures: how fast they are, beside a copy
 * of the same tensor that takes turns with them, and what they do to it. Takes about a minute.
 * @param specs of the codecs
 * @throws CutpointError CUT_USAGE if a spec is wrong; CUT_FILE_NOT_FOUND where there is no model; what running one throws.
 */
export async function benchCodec(
  specs: readonly string[],
  signal: AbortSignal,
  report: (line: string) => void,
): Promise<CodecBench> {
  const kernels = openKernels();
  const codecs = specs.map((spec) => openCodec(spec, { kernels }));
  report('running the models');
  const { activations, notes } = await readActivations(signal);
  report('warming up');
  for (const { tensor } of activations) {
    for (const codec of codecs) {
      await hearCancellation(signal);
      for (const run of Object.values(workOf(tensor, codec).work)) warmUp(run, compileMs);
    }
  }
  const rows: CodecRow[] = [];
  for (const { name, tensor } of activations) {
    report(`${name}: tensor ${rows.length / codecs.length + 1} of ${activations.length}`);
    for (const codec of codecs) {
      await hearCancellation(signal);
      rows.push({ tensor: name, codec: codec.spec, ...measure(tensor, codec) });
    }
  }
  return { kernels: kernels.name, notes, rows };
}

/** Between two measurements Ctrl-C is heard. */
async function hearCancellation(signal: AbortSignal): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  throwIfCancelled(signal);
}

function workOf(tensor: Tensor, codec: Codec) {
  const limits = { maxElements: elementCount(tensor.shape) };
  const payload = codec.encode(tensor);
  const work = {
    memcpy: () => tensor.data.slice(),
    encode: () => codec.encode(tensor),
    decode: () => codec.decode(payload, limits),
  };
  return { payload, work };
}

function measure(tensor: Tensor, codec: Codec): Omit<CodecRow, 'tensor' | 'codec'> {
  const { payload, work } = workOf(tensor, codec);
  for (const run of Object.values(work)) warmUp(run, warmUpMs);
  const times = { memcpy: [] as number[], encode: [] as number[], decode: [] as number[] };
  const until = performance.now() + 3 * measureMs;
  while (times.decode.length < leastRuns || performance.now() < until) {
    for (const name of ['memcpy', 'encode', 'decode'] as const) times[name].push(timeOf(work[name]));
  }
  const rate = (ms: number[]): number => tensor.data.length / 1e6 / median(ms);
  return {
    encodeGBps: rate(times.encode),
    decodeGBps: rate(times.decode),
    memcpyGBps: rate(times.memcpy),
    bytes: payload.length,
    ratio: tensor.data.length / payload.length,
    ...lossOf(tensor, work.decode()),
  };
}

function warmUp(run: () => unknown, ms: number): void {
  const until = performance.now() + ms;
  for (let runs = 0; runs < 3 || performance.now() < until; runs++) run();
}

/** In ms. */
function timeOf(run: () => unknown): number {
  const startedAt = performance.now();
  run();
  return performance.now() - startedAt;
}

function lossOf(tensor: Tensor, decoded: Tensor): Pick<CodecRow, 'relMse' | 'maxAbs'> {
  const [before, after] = [f32Values(tensor), f32Values(decoded)];
  let squares = 0;
  let errors = 0;
  let maxAbs = 0;
  for (let i = 0; i < before.length; i++) {
    const x = before[i] ?? 0;
    const error = Math.abs((after[i] ?? 0) - x);
    squares += x * x;
    errors += error * error;
    maxAbs = Math.max(maxAbs, error);
  }
  return { relMse: squares === 0 ? 0 : errors / squares, maxAbs };
}
