import { asCutpointError, CutpointError, type NamedTensors, throwIfCancelled } from '@cutpoint/core';
import { compareTensors, type ExtractedSegment, type Model, storeCrossing } from '@cutpoint/graph';
import { type CutModel, segmentsOf } from '../model/cut-model.js';
import { sourceOf } from '../model/segment-source.js';
import { loadSegment } from '../segment/load-segment.js';
import { type Bounds, boundsOf } from './numerics.js';

/** Why a split did not pass. */
export interface VerifyFailure {
  readonly at: readonly number[];
  /** Name of the (first) cut. */
  readonly name: string;
  readonly optimisation: 'none' | 'all';
  readonly reason: string;
}

/** What `verifySplits` found. Differences are the largest over all splits and outputs. */
export interface VerifyReport {
  readonly model: string;
  /** Number of cuts the model has. */
  readonly cuts: number;
  /** Number of splits that were run and passed. */
  readonly verified: number;
  /** With optimisations off. */
  readonly maxAbsDiff: number;
  /** With optimisations on, over the output's range. */
  readonly maxRelDiffOptimised: number;
  readonly bounds: Bounds;
  readonly failures: readonly VerifyFailure[];
}

export interface VerifyOptions {
  readonly inputs: NamedTensors;
  readonly signal?: AbortSignal;
  /** Splits that are verified at the same time. */
  readonly concurrency: number;
  readonly onProgress?: (done: number, total: number) => void;
}

type Optimisation = 'none' | 'all';

interface Differences {
  readonly maxAbsDiff: number;
  readonly maxRelDiff: number;
}

/** The whole model's answers with optimisations off and on. */
type Whole = Readonly<Record<Optimisation, NamedTensors>>;

/** What one way of running one split gave: differences, or why there are none. */
interface Check extends Differences {
  readonly optimisation: Optimisation;
  readonly failure: string | null;
}

/**
 * Proves that a model survives its cuts: runs it whole and split, with the runtime's graph optimisations off (the
 * answers must be the same bits) and on (they must agree within `bounds`).
 * @param splits each a list of ascending cut indices.
 * @throws CutpointError if the whole model does not run, or CUT_ILLEGAL_CUT.
 */
export async function verifySplits(
  model: CutModel,
  splits: readonly (readonly number[])[],
  options: VerifyOptions,
): Promise<VerifyReport> {
  const bounds = boundsOf(model.list.graph, model.list.shapes);
  const whole: Whole = {
    none: await runModel(model, model.file.model, options.inputs, 'none', options.signal),
    all: await runModel(model, model.file.model, options.inputs, 'all', options.signal),
  };
  const checks: (Check & { at: readonly number[] })[] = [];
  let done = 0;
  await inParallel(splits, options.concurrency, async (at) => {
    for (const check of await checkSplit(model, at, whole, bounds, options)) checks.push({ ...check, at });
    done += 1;
    options.onProgress?.(done, splits.length);
  });
  return summarise(model, splits.length, bounds, checks);
}

function summarise(
  model: CutModel,
  splits: number,
  bounds: Bounds,
  checks: readonly (Check & { at: readonly number[] })[],
): VerifyReport {
  const failures = checks.flatMap(({ at, optimisation, failure }): VerifyFailure[] => {
    const name = model.list.cuts[at[0] ?? 0]?.name ?? '';
    return failure === null ? [] : [{ at, name, optimisation, reason: failure }];
  });
  const largest = (optimisation: Optimisation, of: keyof Differences) =>
    checks.reduce((most, check) => (check.optimisation === optimisation ? Math.max(most, check[of]) : most), 0);
  return {
    model: model.file.name,
    cuts: model.list.cuts.length,
    verified: splits - new Set(failures.map(({ at }) => at)).size,
    maxAbsDiff: largest('none', 'maxAbsDiff'),
    maxRelDiffOptimised: largest('all', 'maxRelDiff'),
    bounds,
    failures,
  };
}

async function checkSplit(
  model: CutModel,
  at: readonly number[],
  whole: Whole,
  bounds: Bounds,
  options: VerifyOptions,
): Promise<Check[]> {
  const segments = segmentsOf(model, at);
  const check = async (optimisation: Optimisation, bound: number): Promise<Check> => {
    try {
      throwIfCancelled(options.signal);
      const reference = optimisation === 'none' ? await exactReference(model, at, whole.none, options) : whole.all;
      const differences = compareAll(reference, await runSegments(model, segments, optimisation, options));
      // Written so that NaN fails, too.
      const failure = differences.maxRelDiff <= bound ? null : describe(differences, bound);
      return { ...differences, optimisation, failure };
    } catch (thrown) {
      throwIfCancelled(options.signal);
      const { code, message } = asCutpointError(thrown, 'CUT_INTERNAL');
      return { maxAbsDiff: 0, maxRelDiff: 0, optimisation, failure: `${code}: ${message}` };
    }
  };
  return [await check('none', bounds.exact), await check('all', bounds.optimised)];
}

function describe({ maxAbsDiff, maxRelDiff }: Differences, bound: number): string {
  const relative = `${maxRelDiff.toExponential(2)} of the output's range`;
  return `differs by up to ${maxAbsDiff.toExponential(2)}, which is ${relative}; allowed is ${bound}`;
}

/**
 * What the split must equal. Where f16 crosses, the CPU provider computes in f32 and rounds only what is stored, so the
 * whole model is run with the crossing tensors stored: it then rounds where the split does.
 */
async function exactReference(
  model: CutModel,
  at: readonly number[],
  plain: NamedTensors,
  { inputs, signal }: VerifyOptions,
): Promise<NamedTensors> {
  const crossing = at.flatMap((index) => model.list.cuts[index]?.tensors ?? []);
  if (!crossing.some(({ dtype }) => dtype === 'f16' || dtype === 'bf16')) return plain;
  return await runModel(model, storeCrossing(model.list, at), inputs, 'none', signal);
}

async function runSegments(
  model: CutModel,
  segments: readonly ExtractedSegment[],
  optimisation: Optimisation,
  { inputs, signal }: VerifyOptions,
): Promise<NamedTensors> {
  const known = new Map(inputs);
  for (const { model: segment } of segments) {
    if (segment === null) continue;
    for (const [name, tensor] of await runModel(model, segment, known, optimisation, signal)) known.set(name, tensor);
  }
  return new Map(model.outputs.flatMap((name) => [...known].filter(([other]) => other === name)));
}

/** Loads a model, runs it once on those of the given tensors that it takes, and unloads it. */
async function runModel(
  origin: CutModel,
  model: Model,
  given: NamedTensors,
  optimisation: Optimisation,
  signal: AbortSignal | undefined,
): Promise<NamedTensors> {
  const cancel = signal && { signal };
  await using segment = await loadSegment(sourceOf(model, origin.file), { optimisation, ...cancel });
  const names = new Set(segment.inputs.map(({ name }) => name));
  const { outputs } = await segment.run(new Map([...given].filter(([name]) => names.has(name))), cancel);
  return outputs;
}

function compareAll(reference: NamedTensors, answers: NamedTensors): Differences {
  let [maxAbsDiff, maxRelDiff] = [0, 0];
  for (const [name, tensor] of answers) {
    const expected = reference.get(name);
    if (expected === undefined) continue;
    const difference = compareTensors(expected, tensor);
    // Bits that differ but not in value (two kinds of NaN, zeros of both signs) still break bit equality.
    const hidden = !difference.equalBits && difference.maxAbsDiff === 0 ? Number.MIN_VALUE : 0;
    maxAbsDiff = Math.max(maxAbsDiff, difference.maxAbsDiff, hidden);
    maxRelDiff = Math.max(maxRelDiff, difference.maxRelDiff, hidden);
  }
  return { maxAbsDiff, maxRelDiff };
}

/** Runs `work` over the items, at most `width` at a time, and rejects with the first failure once all have stopped. */
async function inParallel<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  let failure: unknown;
  const lane = async () => {
    for (let item = queue.shift(); item !== undefined && failure === undefined; item = queue.shift()) {
      try {
        await work(item);
      } catch (thrown) {
        failure ??= thrown ?? new CutpointError('CUT_INTERNAL', 'A verification failed without a reason.');
      }
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
  if (failure !== undefined) throw failure;
}
