import { CutpointError } from '@cutpoint/core';
import { linkTable, type ProbedLink } from './link-table.js';
import type { PlanCodec, PlanProblem } from './problem.js';
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
}

export interface CodecFigures {
  /** On the profiled device, for a million bytes of f32. */
  readonly encodeMsPerMB: number;
  readonly decodeMsPerMB: number;
  /** Share of answers lost per crossing. */
  readonly accuracyLoss: number;
}

/**
 * What the codecs are taken to cost. `raw` changes nothing. Of `f16` the times are of one x86-64 core at about 3 GHz, and the
 * loss is an assumption, not a measurement: rounding to 11 bits changes at most one answer in a thousand. Give your own.
 */
export const codecFigures: Readonly<Record<'raw' | 'f16', CodecFigures>> = {
  raw: { encodeMsPerMB: 0, decodeMsPerMB: 0, accuracyLoss: 0 },
  f16: { encodeMsPerMB: 1.5, decodeMsPerMB: 1, accuracyLoss: 0.001 },
};

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
    codecs: scenario.codecs.map((id) => codecOf(id, first, sources, inputBytes)),
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
  return (
    a.cuts.length === b.cuts.length &&
    a.cuts.every(({ name, bytes }, i) => name === b.cuts[i]?.name && bytes === b.cuts[i]?.bytes)
  );
}

function sorted(record: Readonly<Record<string, number>>): [string, number][] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
}

function mismatch(what: string): never {
  throw new CutpointError('CUT_PROFILE_MISMATCH', `${what}; profile the same model file on each device.`);
}

function codecOf(
  id: string,
  { cuts }: ModelProfile,
  sources: ProblemSources,
  inputBytes: number | undefined,
): PlanCodec {
  if (id !== 'raw' && id !== 'f16') {
    const known = Object.keys(codecFigures).join(', ');
    throw new CutpointError('CUT_SCENARIO', `There is no codec "${id}"; codecs are ${known}.`);
  }
  const figures = { ...codecFigures[id], ...sources.codecs?.[id] };
  const f32MB = (cut: number) => (cuts[cut]?.f32Bytes ?? 0) / 1e6;
  const slowDown = (device: number) => sources.scenario.devices[device]?.slowDown ?? 1;
  return {
    id,
    bytes(cut) {
      // The declared form of the input is exact already, and only what has f32 to round gains by rounding.
      if (cut === 0 && inputBytes !== undefined) return id === 'raw' ? inputBytes : undefined;
      const of = cuts[cut];
      if (of === undefined || (id === 'f16' && of.f32Bytes === 0)) return undefined;
      return id === 'f16' ? of.bytes - of.f32Bytes / 2 : of.bytes;
    },
    encodeMs: (cut, device) => figures.encodeMsPerMB * f32MB(cut) * slowDown(device),
    decodeMs: (cut, device) => figures.decodeMsPerMB * f32MB(cut) * slowDown(device),
    accuracyLoss: () => figures.accuracyLoss,
  };
}
