import { CutpointError } from '@cutpoint/core';
import type { DeviceProfile, ModelProfile } from '@cutpoint/plan';
import {
  autoProvider,
  type CutModel,
  concreteInputs,
  type Dims,
  inferenceRuntime,
  inputSpecs,
  openCutModel,
  randomInputs,
} from '@cutpoint/runtime';
import { describeDevice, powerOf } from '../device/profile-device.js';
import { readCachedProfile, writeCachedProfile } from './cache.js';
import { chooseCuts } from './choose-cuts.js';
import { cutCosts } from './cut-costs.js';
import { describeCuts } from './describe-cuts.js';
import { measureCuts } from './measure-cuts.js';
import { fitMemory, measureMemory } from './memory.js';
import { openRemoteTimer, type RemoteBatch, type RemoteTimes } from './remote-timer.js';
import { summarise } from './summarise.js';
import { loadSpan, type Span, type StageOptions } from './time-segments.js';

export interface ProfileOptions {
  /** Measure every cut instead of fitting most. */
  readonly full?: boolean | undefined;
  /** Sizes of free dimensions. */
  readonly dims?: Dims | undefined;
  /** The file that declares the model's preprocessing; unless given, the one beside it, if there is one. */
  readonly preprocessing?: string | undefined;
  /** Threads inside one operator. Default 1, as daemons have it. */
  readonly threads?: number | undefined;
  /** Execution provider; with `auto` all is measured on the one that is fastest for the whole model. Default `cpu`. */
  readonly provider?: string | undefined;
  /** The device, if it is known already; else it is described, and its power measured if there is a meter. */
  readonly device?: DeviceProfile | undefined;
  /** The cuts to measure instead of those chosen; both ends always are. */
  readonly cuts?: readonly number[] | undefined;
  /** Measure fewer cuts, each once, for a plan that somebody waits for: fits are less exact. */
  readonly quick?: boolean | undefined;
  /** As `SegmentOptions` has it. Default 1. */
  readonly slowDown?: number | undefined;
  /** Use a profile from the cache, and put the new one there. Default true. */
  readonly cache?: boolean | undefined;
  /** Where profiles are kept. Default: the folder `profiles` of this user's cache. */
  readonly cacheFolder?: string | undefined;
  /** How long timing should take, in ms; slow models take longer, as each segment is run some times anyway. Default 20,000. */
  readonly budgetMs?: number | undefined;
  /** When to give up, in ms. Default 30 minutes. */
  readonly deadlineMs?: number | undefined;
  /** Another device that runs the segments; memory is then this machine's, as others cannot tell theirs. */
  readonly elsewhere?: ProfileElsewhere | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: ProfileProgress) => void) | undefined;
  /** Is told in one sentence what a person should know beside the profile. */
  readonly onNote?: ((note: string) => void) | undefined;
}

/** A device that times segments and can do no more, such as a page in a browser. */
export interface ProfileElsewhere {
  readonly device: DeviceProfile;
  readonly runtime: ModelProfile['runtime'];
  readonly time: (batch: RemoteBatch) => Promise<RemoteTimes>;
}

export interface ProfileProgress {
  readonly step: 'open' | 'device' | 'time' | 'memory';
  /** Of the steps with a known number of parts. */
  readonly done: number;
  readonly total: number;
}

/** Cuts that are spread over the model's cost; up to half as many notable ones are measured too. */
const spreadCuts = { usual: 10, quick: 5 };
/** Each cut is measured in so many passes, with newly loaded segments. */
const passes = { usual: 2, quick: 1 };
/** Where in the model memory is measured besides the whole, as shares of the cuts that are measured. */
const memoryAt = { usual: [0.2, 0.5, 0.8], quick: [0.5] };
const defaultBudgetMs = 20_000;
/** Measuring all cuts may take so many times as long. */
const fullTimes = 10;
const defaultDeadlineMs = 30 * 60_000;

/**
 * Measures a model on this device: the time of the segments before and behind some cuts, run in worker threads as daemons
 * run them, from inputs in memory to outputs in memory; the memory of some in a process of its own; and a fit for all
 * other cuts, with its error. See docs/guides/profiling.md.
 * @throws CutpointError what `openCutModel` and `loadStage` throw; CUT_ILLEGAL_CUT, CUT_DEADLINE, CUT_CANCELLED, CUT_POWER.
 */
export async function profileModel(path: string, options: ProfileOptions = {}): Promise<ModelProfile> {
  const { dims = new Map(), threads = 1, slowDown = 1, onProgress = () => {}, onNote } = options;
  const deadline = AbortSignal.timeout(options.deadlineMs ?? defaultDeadlineMs);
  const signal = options.signal === undefined ? deadline : AbortSignal.any([options.signal, deadline]);
  const pace = options.quick === true ? 'quick' : 'usual';
  onProgress({ step: 'open', done: 0, total: 1 });
  const model = await openCutModel(path, { dims, signal, preprocessing: options.preprocessing });
  if (model.assumed.length > 0) onNote?.(assumedNote(model));
  const provider = await providerOf(model, {
    threads,
    provider: options.provider ?? 'cpu',
    slowDown,
    signal,
    onNotice: onNote,
  });
  const stage: StageOptions = { threads, provider, slowDown, signal };
  onProgress({ step: 'device', done: 0, total: 1 });
  const { elsewhere } = options;
  const described = elsewhere?.device ?? options.device ?? (await describeDevice({ signal }));
  const runtime = elsewhere?.runtime ?? {
    name: inferenceRuntime.name,
    version: inferenceRuntime.version,
    provider,
    threads,
  };
  const costs = cutCosts(model.list);
  const cuts = cutsToMeasure(model, options, () => chooseCuts(model.list.cuts, costs, spreadCuts[pace]));
  const { inputs } = concreteInputs(inputSpecs(model.file.graph), dims);
  const key = {
    modelHash: model.file.hash,
    inputs: inputs.map(({ name, shape }) => [name, shape]),
    device: [described.name, described.cpu, described.cores, described.memoryBytes, described.os, described.arch],
    runtime: [runtime.name, runtime.version, runtime.provider, runtime.threads],
    ...(slowDown === 1 ? {} : { slowDown }),
    ...(pace === 'usual' ? {} : { pace }),
    cuts,
  };
  const isCached = options.cache ?? true;
  const cache = { folder: options.cacheFolder, onNote };
  const cached = isCached ? await readCachedProfile(key, cache) : undefined;
  if (cached !== undefined) return withDevice(cached, options.device);
  const busy = () => keepBusy(model, dims, stage);
  const device = elsewhere?.device ??
    options.device ?? { ...described, power: await powerOf(described, { signal, busy, onNote }) };
  const times = await measureCuts(model, {
    ...stage,
    dims,
    cuts,
    passes: passes[pace],
    budgetMs: (options.budgetMs ?? defaultBudgetMs) * (options.full === true ? fullTimes : 1),
    onProgress: (done, total) => onProgress({ step: 'time', done, total }),
    openTimer: elsewhere && (() => openRemoteTimer(model, inputs, elsewhere.time)),
  });
  const spans = memorySpans(model, cuts, memoryAt[pace]);
  onProgress({ step: 'memory', done: 0, total: spans.length });
  const memory = await measureMemory(model, spans, (cut) => tensorsAt(model, cut, dims, stage), stage);
  const profile: ModelProfile = {
    format: 'cutpoint-model-profile',
    version: 2,
    model: {
      name: model.file.name,
      hash: model.file.hash,
      dims: { ...Object.fromEntries(model.assumed.map(({ name, size }) => [name, size])), ...Object.fromEntries(dims) },
    },
    device,
    runtime,
    measuredAt: new Date().toISOString(),
    cuts: describeCuts(model.list),
    ...summarise(costs, cuts, times, memory),
    memory: fitMemory(model.list, memory),
  };
  if (isCached) await writeCachedProfile(key, profile, cache);
  return profile;
}

/** Segments of one model are compared with one another, so that all are measured on the same. */
async function providerOf(model: CutModel, stage: StageOptions): Promise<string> {
  if (stage.provider !== autoProvider) return stage.provider;
  await using whole = await loadSpan(model, { from: 0, to: model.list.cuts.length - 1 }, stage);
  return whole.provider ?? 'cpu';
}

function assumedNote({ assumed }: CutModel): string {
  const sizes = assumed.map(({ name, size }) => `${name}=${size}`).join(' ');
  return `Free dimensions were assumed to be ${sizes}: times and bytes are for these sizes.`;
}

/** A device that was given counts, though the profile was measured before: its watts may be others. */
function withDevice(profile: ModelProfile, device: DeviceProfile | undefined): ModelProfile {
  return device === undefined ? profile : { ...profile, device };
}

/** Inner cuts, ascending. */
function cutsToMeasure(model: CutModel, { full, cuts }: ProfileOptions, choose: () => number[]): number[] {
  const last = model.list.cuts.length - 1;
  const inner = model.list.cuts.slice(1, -1).map(({ index }) => index);
  if (full === true) return inner;
  if (cuts === undefined) return choose();
  const wrong = cuts.find((cut) => !Number.isInteger(cut) || cut < 0 || cut > last);
  if (wrong === undefined) return inner.filter((cut) => cuts.includes(cut));
  throw new CutpointError('CUT_ILLEGAL_CUT', `Cut ${wrong} does not exist: this model has the cuts 0 to ${last}.`);
}

/** Segments whose memory is looked at: the whole, and those before and behind some cuts. */
function memorySpans(model: CutModel, cuts: readonly number[], shares: readonly number[]): Span[] {
  const last = model.list.cuts.length - 1;
  const at = new Set(shares.map((share) => cuts[Math.floor(share * (cuts.length - 1))] ?? 0));
  at.delete(0);
  const halves = [...at].flatMap((cut) => [
    { from: 0, to: cut },
    { from: cut, to: last },
  ]);
  return [{ from: 0, to: last }, ...halves];
}

async function tensorsAt(model: CutModel, cut: number, dims: Dims, stage: StageOptions) {
  const inputs = randomInputs(concreteInputs(inputSpecs(model.file.graph), dims).inputs);
  if (cut === 0) return inputs;
  await using front = await loadSpan(model, { from: 0, to: cut }, stage);
  return await front.on(inputs).sends();
}

const busyMs = 3_000;

async function keepBusy(model: CutModel, dims: Dims, stage: StageOptions): Promise<void> {
  const inputs = await tensorsAt(model, 0, dims, stage);
  await using loaded = await loadSpan(model, { from: 0, to: model.list.cuts.length - 1 }, stage);
  const whole = loaded.on(inputs);
  const until = performance.now() + busyMs;
  while (performance.now() < until) await whole.run();
}
