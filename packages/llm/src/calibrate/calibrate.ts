import type { TransformTables } from '@cutpoint/codec';
import { type CancelSignal, CutpointError } from '@cutpoint/core';
import type { DeviceProfile, LlmCalibration, LlmDeviceFigures } from '@cutpoint/plan';
import { inferenceRuntime } from '@cutpoint/runtime';
import { standardChunkTokens } from '../decode/decoder-range.js';
import { statesAt } from '../evaluate/each-cut.js';
import type { CacheKind } from '../graph/cache-kind.js';
import { modelSizes } from '../memory/model-sizes.js';
import { weightSizes } from '../memory/weight-sizes.js';
import type { Package } from '../package/read-package.js';
import { passFrameBytes } from '../split/frame-bytes.js';
import { manifestHash } from '../split/manifest-hash.js';
import { measureCodecTimes } from './codec-times.js';
import { type LayerTimes, measureLayerTimes } from './layer-times.js';
import { type MeasuredSplits, measureSplits } from './measure-splits.js';
import { measureMemory } from './memory.js';
import { type WidthPackage, widthsOf } from './width-package.js';

export interface LlmCalibrationRequest {
  /** Widths of one model; the first gives the calibration its name and hash, and tables are made with it. */
  readonly packages: readonly Package[];
  readonly text: { readonly name: string; readonly tokens: readonly number[] };
  readonly context: number;
  /** Default: all between layers. */
  readonly cuts?: readonly number[] | undefined;
  readonly codecs?: readonly string[] | undefined;
  readonly private?: boolean;
  /** Kinds of cache. Default: f32 alone. */
  readonly caches?: readonly CacheKind[] | undefined;
  /** Lengths at which layers are timed. Default: powers of four from 16 to the context, 4,096 at most, and the context. */
  readonly lengths?: readonly number[] | undefined;
  readonly calibrationTexts: () => Promise<readonly (readonly number[])[]>;
  /** What the times are of. */
  readonly device: { readonly id: string; readonly profile: DeviceProfile };
  readonly threads: number;
  readonly chunkTokens?: number;
  readonly onProgress?: (what: string) => void;
  readonly signal?: CancelSignal | undefined;
}

export interface MeasuredCalibration {
  readonly calibration: LlmCalibration;
  /** Of the codecs `transform:step=...`, which devices that use them need. */
  readonly tables: TransformTables;
  /** How far sums of layers are from ranges of them that were measured, in percent, by width. */
  readonly timeErrors: Readonly<Record<string, number>>;
}

export const defaultHiddenCodecs = ['f16', 'affine:bits=8,per=token', 'affine:bits=4,per=token'] as const;
const longestDefault = 4_096;

/**
 * Measures what planning a language model needs to know, on this device: perplexity of every split, times of layers, of the
 * head and of codecs, memory.
 * @throws CutpointError CUT_USAGE, CUT_ILLEGAL_CUT, CUT_PACKAGE for packages of different models, CUT_CODEC, CUT_RUN,
 * CUT_CANCELLED, and as `DecoderRange.open` and `DecoderRange.forward`.
 */
export async function calibrateLlm(request: LlmCalibrationRequest): Promise<MeasuredCalibration> {
  const packages = widthsOf(request.packages);
  const [first] = packages;
  if (first === undefined) throw new CutpointError('CUT_USAGE', 'A calibration needs a package.');
  const { config } = first.manifest;
  const { threads, chunkTokens = standardChunkTokens, signal, onProgress, text, context } = request;
  const wanted = {
    ...request,
    packages,
    chunkTokens,
    cuts: cutsOf(request.cuts, config.layers),
    codecs: [...new Set(request.codecs ?? defaultHiddenCodecs)],
    caches: [...new Set(request.caches ?? (['f32'] as const))],
    lengths: lengthsOf(request.lengths, config.contextTokens),
  };
  const { device, timeErrors } = await measureDevice(wanted);
  const measured = await measureSplits({
    ...wanted,
    private: request.private === true,
    tokens: text.tokens,
    threads,
    ...(onProgress === undefined ? {} : { onProgress }),
    signal,
  });
  const codecs = await codecTimes(first, measured, request);
  const calibration: LlmCalibration = {
    format: 'cutpoint-llm-calibration',
    version: 3,
    model: {
      name: first.manifest.name,
      hash: await manifestHash(first.folder),
      layers: config.layers,
      contextTokens: config.contextTokens,
      ...weightSizes(packages),
      ...modelSizes(config),
    },
    text: { name: text.name, scoredTokens: measured.scoredTokens, windowTokens: context },
    measuredAt: new Date().toISOString(),
    chunkTokens,
    frameBytes: passFrameBytes(),
    splits: [...measured.splits],
    devices: [{ ...device, codecs }],
  };
  return { calibration, tables: measured.tables, timeErrors };
}

type Wanted = LlmCalibrationRequest & {
  readonly packages: readonly WidthPackage[];
  readonly lengths: readonly number[];
  readonly chunkTokens: number;
  readonly caches: readonly CacheKind[];
};

async function measureDevice(wanted: Wanted) {
  const { packages, threads, chunkTokens, lengths, caches, signal, onProgress } = wanted;
  const shared = { threads, chunkTokens, signal, ...(onProgress === undefined ? {} : { onProgress }) };
  const layers: Record<string, LayerTimes[]> = {};
  const headMs: Record<string, number> = {};
  const timeErrors: Record<string, number> = {};
  for (const one of packages) {
    const say = (what: string) => onProgress?.(`width ${one.width}: ${what}`);
    const times = await measureLayerTimes({ ...shared, package: one, lengths, caches, onProgress: say });
    layers[one.width] = [...times.layers];
    headMs[one.width] = times.headMs;
    timeErrors[one.width] = times.errorPercent;
  }
  // The widest, as its weights tell most of what they take in memory.
  const widest = packages.toSorted(
    (a, b) => (b.manifest.layers[0]?.bytes ?? 0) - (a.manifest.layers[0]?.bytes ?? 0),
  )[0];
  const memory = await measureMemory({ ...shared, package: widest as WidthPackage });
  const { name, version } = inferenceRuntime;
  const device: Omit<LlmDeviceFigures, 'codecs'> = {
    id: wanted.device.id,
    device: wanted.device.profile,
    runtime: { name, version, threads },
    measuredAt: new Date().toISOString(),
    lengths: [...lengths],
    layers: layers as LlmDeviceFigures['layers'],
    headMs,
    memory,
  };
  return { device, timeErrors };
}

/** Of each codec on hidden states of its cut. */
async function codecTimes(first: WidthPackage, { codecs }: MeasuredSplits, request: LlmCalibrationRequest) {
  const { text, context, threads, signal } = request;
  const window = text.tokens.slice(0, context);
  const states = new Map<number, Float32Array<ArrayBuffer>>();
  const times: LlmDeviceFigures['codecs'] = {};
  for (const [spec, { codec, cut }] of codecs) {
    const options = { threads, ...(signal === undefined ? {} : { signal }) };
    const hidden = states.get(cut) ?? (await statesAt(first, cut, [window], options))[0];
    if (hidden === undefined) continue;
    states.set(cut, hidden);
    times[spec] = measureCodecTimes(codec, hidden);
  }
  return times;
}

/** @throws CutpointError CUT_ILLEGAL_CUT */
function cutsOf(cuts: readonly number[] | undefined, layers: number): readonly number[] {
  const wanted = cuts ?? Array.from({ length: layers - 1 }, (_, i) => i + 1);
  const wrong = wanted.find((cut) => !(Number.isSafeInteger(cut) && cut >= 1 && cut < layers));
  if (wrong === undefined) return [...new Set(wanted)];
  throw new CutpointError('CUT_ILLEGAL_CUT', `There is no cut ${wrong} between the ${layers} layers of the model.`);
}

/** @throws CutpointError CUT_USAGE */
function lengthsOf(lengths: readonly number[] | undefined, contextTokens: number): readonly number[] {
  const longest = Math.min(contextTokens, longestDefault);
  const usual = [16, 64, 256, 1_024].filter((length) => length < longest);
  const wanted = [...new Set(lengths ?? [...usual, longest])].sort((a, b) => a - b);
  if (wanted.length > 0 && wanted.every((n) => Number.isSafeInteger(n) && n >= 1 && n <= contextTokens)) return wanted;
  throw new CutpointError('CUT_USAGE', `Lengths to measure are whole numbers from 1 to the context, ${contextTokens}.`);
}
