import { existsSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import type { TransformTables } from '@cutpoint/codec';
import { CutpointError } from '@cutpoint/core';
import { openCodecTables, tablesFolderOf } from '@cutpoint/daemon';
import {
  type Calibration,
  checkCodecs,
  type ModelProfile,
  type PlanProblem,
  type ProbedLink,
  problemOf,
} from '@cutpoint/plan';
import { type ProfileProgress, profileModel } from '@cutpoint/profile';
import { type CutModel, inferenceRuntime, openCutModel } from '@cutpoint/runtime';
import type { LoadedScenario } from './load-scenario.js';
import { readCalibration } from './read-calibration.js';

/** A model as a scenario uses it. */
export interface ScenarioModel {
  readonly path: string;
  /** The file that declares its preprocessing; undefined: the one beside the model, if there is one. */
  readonly preprocessing: string | undefined;
  readonly dims: ReadonlyMap<string, number>;
  readonly cutModel: CutModel;
  /** What codecs were measured to cost at its cuts, where the scenario or the caller names a file that says so. */
  readonly calibration: Calibration | undefined;
  /** The tables that were calibrated with it, if they lie beside it. */
  readonly codecTables: CalibratedTables | undefined;
}

/** Tables of codecs, and where they are. */
export interface CalibratedTables {
  readonly path: string;
  readonly tables: TransformTables;
}

export interface ScenarioModelOptions {
  readonly signal?: AbortSignal | undefined;
  /** File that `cutpoint calibrate` wrote, instead of the one that the scenario names. */
  readonly calibration?: string | undefined;
  /** File that declares the preprocessing, instead of the one that the scenario names. */
  readonly preprocessing?: string | undefined;
}

/**
 * Opens a model for a scenario.
 * @throws CutpointError what `openCutModel` throws; CUT_CALIBRATION, CUT_CODEC_TABLE; as `checkCodecs`.
 */
export async function openScenarioModel(
  { scenario, path: scenarioPath }: LoadedScenario,
  path: string,
  { signal, calibration: calibrationPath, preprocessing: given }: ScenarioModelOptions = {},
): Promise<ScenarioModel> {
  const beside = (files: Readonly<Record<string, string>>) => {
    // Own keys only: a model may be called like a member of every object.
    const name = basename(path);
    const file = Object.hasOwn(files, name) ? files[name] : undefined;
    return file && resolve(dirname(scenarioPath), file);
  };
  const preprocessing = given ?? beside(scenario.preprocessing);
  const calibrationFile = calibrationPath ?? beside(scenario.calibrations);
  const dims = new Map(Object.entries(scenario.dims));
  const cutModel = await openCutModel(path, { dims, preprocessing, ...(signal === undefined ? {} : { signal }) });
  const calibration = calibrationFile === undefined ? undefined : await readCalibration(calibrationFile);
  checkCodecs(scenario.codecs, calibration, cutModel.file.hash);
  const codecTables = await tablesBeside(calibrationFile, cutModel.file.hash);
  return { path, preprocessing, dims, cutModel, calibration, codecTables };
}

async function tablesBeside(calibrationFile: string | undefined, modelHash: string) {
  const path = calibrationFile && tablesFolderOf(calibrationFile);
  return path && existsSync(path) ? { path, tables: await openCodecTables(path, modelHash) } : undefined;
}

export interface ProfileRequest {
  readonly signal?: AbortSignal;
  readonly onProgress?: (what: string) => void;
  /** What a person should know beside the profile. */
  readonly onNote?: (note: string) => void;
}

/** A profile whose reference segment varied by more than this was taken on a machine that was not quiet. */
const unsteadyPct = 20;

function unsteadyText(id: string, { fit }: ModelProfile): string {
  const drift = fit.referenceDriftPct.toFixed(0);
  return `The profile for ${id} is unsteady: its reference segment varied by ${drift} %. Measure again on a quiet machine: \`cutpoint profile\` with --no-cache.`;
}

function threadsText(id: string, profiled: number, stated: number): string {
  const were = profiled === 1 ? '1 thread' : `${profiled} threads`;
  return `The profile for ${id} was measured with ${were}, but the scenario gives it ${stated}: times may differ.`;
}

const stepText: Readonly<Record<ProfileProgress['step'], (done: number, total: number) => string>> = {
  open: () => 'opening the model',
  device: () => 'looking at the device',
  time: (done, total) => `timing segments, ${done} of ${total}`,
  memory: () => 'measuring memory',
};

/**
 * Profiles by device id: those that the scenario names, and this machine's, measured now or taken from the cache, for all
 * others with the same number of threads.
 */
export async function profilesFor(
  { scenario, deviceProfiles }: LoadedScenario,
  model: ScenarioModel,
  { signal, onProgress, onNote }: ProfileRequest = {},
): Promise<Record<string, ModelProfile>> {
  const own = new Map<number, ModelProfile>();
  const profiles: Record<string, ModelProfile> = {};
  for (const [i, { id, threads }] of scenario.devices.entries()) {
    const given = deviceProfiles[i];
    const profile =
      given ??
      own.get(threads) ??
      (await profileModel(model.path, {
        dims: model.dims,
        preprocessing: model.preprocessing,
        threads,
        signal,
        onProgress: ({ step, done, total }) => onProgress?.(stepText[step](done, total)),
        onNote,
      }));
    if (given === undefined) own.set(threads, profile);
    profiles[id] = profile;
    if (profile.runtime.threads !== threads) onNote?.(threadsText(id, profile.runtime.threads, threads));
    if (profile.fit.referenceDriftPct > unsteadyPct) onNote?.(unsteadyText(id, profile));
  }
  const unstated = scenario.devices.filter(({ role, power }, i) => role === 'edge' && !power && !deviceProfiles[i]);
  if (unstated.length > 0) {
    const ids = unstated.map(({ id }) => id).join(', ');
    onNote?.(`No power is stated for ${ids}: energy is counted with the figures of the machine that was profiled.`);
  }
  return profiles;
}

/** Free dimensions with their sizes, given or assumed. */
function sizesOf({ dims, cutModel }: ScenarioModel): Record<string, number> {
  const assumed = cutModel.assumed.map(({ name, size }) => [name, size] as const);
  return Object.fromEntries([...assumed, ...dims]);
}

/** The planning problem of a model in a scenario. Probed links come before the profiles of links that it names. */
export function problemFor(
  { scenario, linkProfiles }: LoadedScenario,
  model: ScenarioModel,
  profiles: Readonly<Record<string, ModelProfile>>,
  probed: readonly ProbedLink[] = [],
): PlanProblem {
  const named = scenario.links.flatMap(({ from, to }, i): ProbedLink[] => {
    const profile = linkProfiles[i];
    return profile === undefined ? [] : [{ from, to, profile }];
  });
  const cuts = model.cutModel.list.cuts.length;
  const odd = Object.entries(profiles).find(([, profile]) => profile.cuts.length !== cuts);
  if (odd !== undefined) {
    const message = `The profile for "${odd[0]}" has ${odd[1].cuts.length} cuts, but the model has ${cuts}: measure again.`;
    throw new CutpointError('CUT_PROFILE_MISMATCH', message);
  }
  const known = new Set(probed.map(({ from, to }) => `${from} ${to}`));
  const links = [...probed, ...named.filter(({ from, to }) => !known.has(`${from} ${to}`))];
  return problemOf({
    scenario,
    profiles: { byDevice: profiles },
    links,
    calibration: model.calibration,
    expected: {
      modelHash: model.cutModel.file.hash,
      runtimeVersion: inferenceRuntime.version,
      dims: sizesOf(model),
    },
  });
}
