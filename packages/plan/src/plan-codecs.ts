import { CutpointError } from '@cutpoint/core';
import type { CalibratedCodec, Calibration } from './calibration.js';
import type { PlanCodec } from './problem.js';
import type { ModelProfile } from './profiles.js';

export interface CodecFigures {
  /** On the profiled device, for a million bytes of f32. */
  readonly encodeMsPerMB: number;
  readonly decodeMsPerMB: number;
  /** Share of answers lost per crossing. */
  readonly accuracyLoss: number;
}

/**
 * What the codecs are taken to cost where nothing was measured. `raw` changes nothing. Of `f16` the times are of one x86-64 core at about 3 GHz, and the
 * loss is an assumption, not a measurement: rounding to 11 bits changes at most one answer in a thousand. Give your own.
 */
export const codecFigures: Readonly<Record<'raw' | 'f16', CodecFigures>> = {
  raw: { encodeMsPerMB: 0, decodeMsPerMB: 0, accuracyLoss: 0 },
  f16: { encodeMsPerMB: 1.5, decodeMsPerMB: 1, accuracyLoss: 0.001 },
};

export interface CodecSources {
  /** What the scenario lists. */
  readonly named: readonly string[];
  readonly profile: ModelProfile;
  /** By device: how many times slower it is than the one that was measured. */
  readonly slowDowns: readonly number[];
  /** Bytes of the smallest exact form of the input, where the model declares one. */
  readonly inputBytes: number | undefined;
  /** By codec: figures that replace `codecFigures`. */
  readonly figures: Readonly<Record<string, Partial<CodecFigures>>>;
  /** What was measured of the model; its codecs join those that are named. */
  readonly calibration: Calibration | undefined;
}

/**
 * The codecs to plan with. At a cut that was calibrated a codec has what was measured there; `raw` and `f16` can be used
 * elsewhere too, all others only where they were measured.
 * @throws CutpointError CUT_SCENARIO for a codec that nothing is known of; CUT_PROFILE_MISMATCH for a calibration of
 * another model or of other cuts.
 */
export function codecsOf(sources: CodecSources): PlanCodec[] {
  const { named, calibration, profile } = sources;
  checkCodecs(named, calibration, profile.model.hash);
  if (calibration !== undefined) checkCuts(calibration, profile);
  return [...new Set([...named, ...calibratedCodecs(calibration)])].map((id) =>
    id === 'raw' || id === 'f16' ? knownCodec(id, sources) : measuredCodec(id, sources),
  );
}

/**
 * What can be said of codecs before a model has been profiled: that the calibration is of this model, and that something is
 * known of all that are named.
 * @throws CutpointError CUT_PROFILE_MISMATCH, CUT_SCENARIO
 */
export function checkCodecs(named: readonly string[], calibration: Calibration | undefined, modelHash: string): void {
  if (calibration !== undefined && calibration.model.hash !== modelHash) {
    const message = `The calibration is of another model, "${calibration.model.name}"; calibrate the same file with the same preprocessing.`;
    throw new CutpointError('CUT_PROFILE_MISMATCH', message);
  }
  const known = [...new Set([...Object.keys(codecFigures), ...calibratedCodecs(calibration)])];
  const stranger = named.find((id) => !known.includes(id));
  if (stranger === undefined) return;
  throw new CutpointError('CUT_SCENARIO', `There is no codec "${stranger}"; codecs are ${known.join(', ')}.`);
}

function calibratedCodecs(calibration: Calibration | undefined): string[] {
  return calibration?.cuts.flatMap(({ codecs }) => codecs.map(({ codec }) => codec)) ?? [];
}

function checkCuts({ cuts }: Calibration, profile: ModelProfile): void {
  const odd = cuts.find(({ index, name, bytes }) => {
    const cut = profile.cuts[index];
    return cut?.name !== name || cut.bytes !== bytes;
  });
  if (odd === undefined) return;
  const message = `The calibration has another cut ${odd.index} ("${odd.name}") than the profile; calibrate with the same --dim.`;
  throw new CutpointError('CUT_PROFILE_MISMATCH', message);
}

/** By cut: what was measured of a codec. */
function measuredAt(id: string, calibration: Calibration | undefined): ReadonlyMap<number, CalibratedCodec> {
  return new Map(
    calibration?.cuts.flatMap(({ index, codecs }) => {
      const found = codecs.find(({ codec }) => codec === id);
      return found === undefined ? [] : [[index, found] as const];
    }),
  );
}

function measuredCodec(id: string, { calibration, slowDowns }: CodecSources): PlanCodec {
  const measured = measuredAt(id, calibration);
  const slowDown = (device: number) => slowDowns[device] ?? 1;
  return {
    id,
    bytes: (cut) => measured.get(cut)?.bytesPerSample,
    encodeMs: (cut, device) => (measured.get(cut)?.encodeMs ?? 0) * slowDown(device),
    decodeMs: (cut, device) => (measured.get(cut)?.decodeMs ?? 0) * slowDown(device),
    accuracyLoss: (cut) => measured.get(cut)?.accuracyLoss ?? 0,
  };
}

function knownCodec(id: 'raw' | 'f16', sources: CodecSources): PlanCodec {
  const stated = statedCodec(id, sources);
  // It is the reference, and only noise was measured of it.
  if (id === 'raw') return stated;
  const at = measuredAt(id, sources.calibration);
  const measured = measuredCodec(id, sources);
  const choose = (cut: number) => (at.has(cut) ? measured : stated);
  return {
    id,
    bytes: (cut) => choose(cut).bytes(cut),
    encodeMs: (cut, device) => choose(cut).encodeMs(cut, device),
    decodeMs: (cut, device) => choose(cut).decodeMs(cut, device),
    accuracyLoss: (cut) => choose(cut).accuracyLoss(cut),
  };
}

function statedCodec(id: 'raw' | 'f16', sources: CodecSources): PlanCodec {
  const { profile, slowDowns, inputBytes } = sources;
  const figures = { ...codecFigures[id], ...sources.figures[id] };
  const f32MB = (cut: number) => (profile.cuts[cut]?.f32Bytes ?? 0) / 1e6;
  const slowDown = (device: number) => slowDowns[device] ?? 1;
  return {
    id,
    bytes(cut) {
      // The declared form of the input is exact already, and only what has f32 to round gains by rounding.
      if (cut === 0 && inputBytes !== undefined) return id === 'raw' ? inputBytes : undefined;
      const of = profile.cuts[cut];
      if (of === undefined || (id === 'f16' && of.f32Bytes === 0)) return undefined;
      return id === 'f16' ? of.bytes - of.f32Bytes / 2 : of.bytes;
    },
    encodeMs: (cut, device) => figures.encodeMsPerMB * f32MB(cut) * slowDown(device),
    decodeMs: (cut, device) => figures.decodeMsPerMB * f32MB(cut) * slowDown(device),
    accuracyLoss: () => figures.accuracyLoss,
  };
}
