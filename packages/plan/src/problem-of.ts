import { CutpointError } from '@cutpoint/core';
import type { Calibration } from './calibration.js';
import { linkTable, type ProbedLink } from './link-table.js';
import { type CodecFigures, codecsOf } from './plan-codecs.js';
import type { PlanProblem } from './problem.js';
import { profiledDevice } from './profiled-device.js';
import type { ModelProfile } from './profiles.js';
import type { Scenario } from './scenario.js';

export interface ProblemSources {
  readonly scenario: Scenario;
  /** Of the model: `shared` for every device that has none of its own in `byDevice`. */
  readonly profiles: { readonly shared?: ModelProfile; readonly byDevice?: Readonly<Record<string, ModelProfile>> };
  /** Probed links, which come before the stated figures. */
  readonly links?: readonly ProbedLink[];
  /** What the profiles must be of. */
  readonly expected?: {
    readonly modelHash?: string;
    readonly runtimeVersion?: string;
    /** Sizes of the free dimensions. */
    readonly dims?: Readonly<Record<string, number>>;
  };
  /** Bytes of the smallest exact form of the input (pixels, say), where the model declares one; it is sent at cut 0. */
  readonly inputBytes?: number;
  /** By codec: figures that replace `codecFigures`. */
  readonly codecs?: Readonly<Record<string, Partial<CodecFigures>>>;
  /** What codecs were measured to cost at cuts of the model. */
  readonly calibration?: Calibration | undefined;
}

/**
 * The planning problem of a scenario and what was measured.
 * @throws CutpointError CUT_SCENARIO for an unknown device or codec, CUT_PROFILE_MISMATCH for profiles that are missing, of
 * another model, runtime or sizes, or differ in their cuts.
 */
export function problemOf(sources: ProblemSources): PlanProblem {
  const { scenario, inputBytes } = sources;
  const links = linkTable(scenario, sources.links ?? []);
  const profiles = profilesOf(sources);
  const [first] = profiles;
  if (first === undefined) throw new CutpointError('CUT_SCENARIO', `Scenario "${scenario.name}" has no devices.`);
  return {
    cuts: first.cuts.length,
    devices: scenario.devices.map((device, i) => profiledDevice(device, i, profiles[i] ?? first, scenario)),
    links,
    codecs: codecsOf({
      named: scenario.codecs,
      profile: first,
      slowDowns: scenario.devices.map(({ slowDown }) => slowDown),
      inputBytes,
      figures: sources.codecs ?? {},
      calibration: sources.calibration,
    }),
    answerBytes: first.cuts.map(({ answerBytes }) => answerBytes),
  };
}

function profilesOf({ scenario, profiles: { shared, byDevice = {} }, expected = {} }: ProblemSources): ModelProfile[] {
  const ids = new Set(scenario.devices.map(({ id }) => id));
  const stray = Object.keys(byDevice).find((id) => !ids.has(id));
  if (stray !== undefined) {
    throw new CutpointError('CUT_SCENARIO', `There is a profile for "${stray}"; devices are ${[...ids].join(', ')}.`);
  }
  const all = scenario.devices.map(({ id }) => {
    const profile = byDevice[id] ?? shared;
    return profile ?? mismatch(`There is no profile of the model for "${id}"`);
  });
  const [first] = all;
  for (const [i, profile] of all.entries()) {
    const whose = `The profile for "${scenario.devices[i]?.id}"`;
    const hash = expected.modelHash ?? first?.model.hash;
    if (profile.model.hash !== hash) mismatch(`${whose} is of another model: "${profile.model.name}"`);
    const version = expected.runtimeVersion ?? profile.runtime.version;
    if (profile.runtime.version !== version) {
      mismatch(
        `${whose} was measured with ${profile.runtime.name} ${profile.runtime.version} and ${version} runs here`,
      );
    }
    const dims = expected.dims ?? first?.model.dims ?? {};
    if (JSON.stringify(sorted(profile.model.dims)) !== JSON.stringify(sorted(dims))) {
      const sizes = (of: Readonly<Record<string, number>>) => JSON.stringify(of);
      mismatch(`${whose} was measured with the sizes ${sizes(profile.model.dims)}, and here they are ${sizes(dims)}`);
    }
    if (!first || !sameCuts(profile, first))
      mismatch(`${whose} has other cuts than that for "${scenario.devices[0]?.id}"`);
  }
  return all;
}

function sameCuts(a: ModelProfile, b: ModelProfile): boolean {
  return a.cuts.length === b.cuts.length && a.cuts.every((cut, i) => JSON.stringify(cut) === JSON.stringify(b.cuts[i]));
}

function sorted(record: Readonly<Record<string, number>>): [string, number][] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
}

function mismatch(what: string): never {
  throw new CutpointError('CUT_PROFILE_MISMATCH', `${what}; profile the same model file on each device.`);
}
