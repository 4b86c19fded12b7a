import { tableNamed } from '@cutpoint/codec';
import {
  type Assignment,
  contentHash,
  type DeployedFile,
  type DeploymentId,
  type DeviceId,
  type Rung,
} from '@cutpoint/control';
import { CutpointError, type TensorSpec } from '@cutpoint/core';
import { checkCodecs } from './check-codecs.js';
import type { PackagedModel, PackagedSplit } from './package-model.js';
import type { Ladder } from './plan-ladder.js';

export interface Deployed {
  readonly deployment: DeploymentId;
  /** The model's name for people; in the APIs it has that of the deployment. */
  readonly model: string;
  readonly ladders: readonly Ladder[];
}

/** What one device gets, while it is put together. */
interface Share {
  readonly segments: Map<string, Assignment['segments'][number]>;
  readonly files: Map<string, DeployedFile>;
  ladder: readonly Rung[];
}

/** The ways in which ladders split a model, each once. */
export function splitsOf(ladders: readonly Ladder[]): number[][] {
  const all = ladders.flatMap(({ ladder }) => ladder.map(({ at }) => at));
  return [...new Map(all.map((at) => [String(at), [...at]])).values()];
}

/**
 * What every device has to do for a deployment: those where requests begin get the first segments and the ladder, those
 * of the chains theirs, and each the tables of the cuts that it stands at.
 * @throws CutpointError CUT_DEPLOYMENT if ladders do not fit together, CUT_CODEC_TABLE if a table is missing.
 */
export function assignmentsOf(
  packaged: PackagedModel,
  { deployment, model, ladders }: Deployed,
): Map<DeviceId, Assignment> {
  const shares = new Map<DeviceId, Share>();
  const shareOf = (device: DeviceId): Share => {
    const share = shares.get(device) ?? { segments: new Map(), files: new Map(), ladder: [] };
    shares.set(device, share);
    return share;
  };
  for (const { device, ladder } of ladders) {
    if (shares.get(device)?.ladder.length) throw misfit(`${device} has two ladders`);
    shareOf(device).ladder = ladder;
    for (const rung of ladder) giveRung(packaged, device, rung, shareOf);
  }
  const copied = (specs: readonly TensorSpec[]) => specs.map((spec) => ({ ...spec, shape: [...spec.shape] }));
  const { inputs, outputs } = packaged;
  const named = {
    name: model,
    hash: contentHash.parse(packaged.hash),
    inputs: copied(inputs),
    outputs: copied(outputs),
  };
  const entries = [...shares].map(([device, { segments, files, ladder }]): [DeviceId, Assignment] => [
    device,
    { deployment, model: named, segments: [...segments.values()], files: [...files.values()], ladder: [...ladder] },
  ]);
  return new Map(entries);
}

function giveRung(packaged: PackagedModel, device: DeviceId, rung: Rung, shareOf: (device: DeviceId) => Share): void {
  const { at, codecs, chain } = rung;
  if (codecs.length !== at.length || chain.length !== at.length)
    throw misfit('a rung has other numbers of cuts, codecs and devices');
  const devices = [device, ...chain];
  if (new Set(devices).size !== devices.length) throw misfit(`a rung comes to a device twice: ${devices.join(', ')}`);
  checkCodecs(codecs);
  const split = packaged.splits.get(String(at));
  if (split === undefined) throw new CutpointError('CUT_INTERNAL', `The model was not split at ${at}.`);
  for (const [i, each] of devices.entries()) {
    const share = shareOf(each);
    giveSegment(split, i, share);
    for (const codec of [codecs[i - 1], codecs[i]]) giveTable(packaged, codec, share);
  }
}

function giveSegment({ description, segments }: PackagedSplit, index: number, { segments: own, files }: Share): void {
  files.set(description.name, description);
  const packaged = segments[index];
  if (packaged === undefined) return;
  own.set(packaged.segment.file.name, packaged.segment);
  if (packaged.weights !== undefined) files.set(packaged.weights.name, packaged.weights);
}

function giveTable({ tables }: PackagedModel, codec: string | undefined, { files }: Share): void {
  const name = codec === undefined ? undefined : tableNamed(codec);
  if (name === undefined) return;
  const file = tables.get(name);
  if (file === undefined) {
    const message = `The codec ${codec} needs the table ${name}: deploy with the tables that \`cutpoint calibrate\` wrote.`;
    throw new CutpointError('CUT_CODEC_TABLE', message);
  }
  files.set(file.name, file);
}

function misfit(what: string): CutpointError {
  return new CutpointError('CUT_DEPLOYMENT', `The deployment does not fit together: ${what}.`);
}

/** All files that a device needs for an assignment. */
export function filesOf({ segments, files }: Assignment): DeployedFile[] {
  return [...segments.map(({ file }) => file), ...files];
}
