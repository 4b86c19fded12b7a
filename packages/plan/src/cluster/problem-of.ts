import { CutpointError } from '@cutpoint/core';
import type { LlmCalibration } from '../llm/calibration.js';
import { sideTimes } from '../llm/side-times.js';
import type { LinkProfile } from '../profiles.js';
import type { ClusterDevices, ClusterSpeed } from './devices-file.js';
import { type ClusterDevice, type ClusterModel, type ClusterProblem, chunkTokens, type Way } from './problem.js';

export interface ClusterProblemSources {
  readonly model: ClusterModel;
  readonly file: ClusterDevices;
  /** By the path that the file gives: what was measured, and which of its widths is the package's. */
  readonly calibrations: ReadonlyMap<string, { readonly calibration: LlmCalibration; readonly width: string }>;
  readonly linkProfiles: ReadonlyMap<string, LinkProfile>;
  /** Kind of the caches, of which times are looked up. */
  readonly cache: string;
  readonly promptTokens: number;
  readonly lengthTokens: number;
  readonly valueBytes: number;
}

/** @throws CutpointError CUT_CALIBRATION if a device was not measured with this package, cache and length. */
export function clusterProblemOf(sources: ClusterProblemSources): ClusterProblem {
  const { model, file, promptTokens, lengthTokens, valueBytes } = sources;
  const rank0 = file.devices.findIndex(({ id }) => id === file.rank0);
  return {
    model,
    devices: file.devices.map(({ id, memoryBytes, speed, disk }) => ({
      id,
      memoryBytes,
      ...timesOf(sources, id, speed),
      disk: disk ?? null,
    })),
    ways: waysOf(sources),
    rank0: rank0 < 0 ? undefined : rank0,
    promptTokens,
    lengthTokens,
    valueBytes,
  };
}

type Times = Pick<ClusterDevice, 'token' | 'chunk'>;

function timesOf(sources: ClusterProblemSources, id: string, speed: ClusterSpeed): Times {
  const { model } = sources;
  const share = attentionShare(model);
  const halves = (layerMs: number) => ({ attentionMs: share * layerMs, ffnMs: (1 - share) * layerMs });
  switch (speed.kind) {
    case 'layer-times':
      return { token: { ...halves(speed.tokenMs), headMs: speed.headMs }, chunk: halves(speed.chunkMs) };
    case 'gflops': {
      const msOf = (multiplications: number, gflops: number) => (2 * multiplications) / (gflops * 1e6);
      const { layer, head } = model.multiplications;
      const token = { ...halves(msOf(layer, speed.token)), headMs: msOf(head, speed.token) };
      return { token, chunk: halves(msOf(chunkTokens * layer, speed.chunk)) };
    }
    case 'calibration':
      return calibratedTimes(sources, id, speed.file, share);
  }
}

/** Of a layer's weights; halves of a layer that were measured together are divided like this. */
function attentionShare({ heads, kvHeads, ffnBlocks, weights }: ClusterModel): number {
  const attention = heads * weights.queryHead.fileBytes + kvHeads * weights.kvHead.fileBytes;
  return attention / (attention + ffnBlocks * weights.ffnBlock.fileBytes);
}

/** What a longer text adds to a token is attention's. */
function calibratedTimes(sources: ClusterProblemSources, id: string, path: string, share: number): Times {
  const { model, calibrations, cache, lengthTokens } = sources;
  const found = calibrations.get(path);
  const side = found?.calibration.devices[0];
  const fail = (why: string): never => {
    throw new CutpointError('CUT_CALIBRATION', `${path}, the calibration of "${id}", ${why}.`);
  };
  if (found === undefined || side === undefined) return fail('was not read');
  const { width } = found;
  const measured = side.lengths.at(-1) ?? 0;
  if (lengthTokens > measured) fail(`goes up to ${measured} tokens, and the text has ${lengthTokens}`);
  const headMs = side.headMs[width] ?? fail(`has no times of width ${width}`);
  if (side.layers[width]?.[0]?.decodeMs[cache] === undefined) fail(`has no times of caches in ${cache}`);
  const times = sideTimes(side);
  const tokenMs = (tokens: number) => times.decodeMs(width, cache, 0, model.layers, tokens) / model.layers;
  const shortMs = tokenMs(side.lengths[0] ?? 1);
  const longMs = tokenMs(lengthTokens);
  const atOnce = Math.min(chunkTokens, measured);
  const chunkMs = (times.prefillMs(width, 0, model.layers, atOnce) / model.layers) * (chunkTokens / atOnce);
  return {
    token: { attentionMs: share * shortMs + (longMs - shortMs), ffnMs: (1 - share) * shortMs, headMs },
    chunk: { attentionMs: share * chunkMs, ffnMs: (1 - share) * chunkMs },
  };
}

function waysOf({ file, linkProfiles }: ClusterProblemSources): (Way | undefined)[][] {
  const { devices, link, links } = file;
  const stated = ({ roundTripMs, bytesPerS, bytesPerSBack = bytesPerS }: NonNullable<typeof link>) => ({
    up: { fixedMs: roundTripMs / 2, bytesPerS },
    down: { fixedMs: roundTripMs / 2, bytesPerS: bytesPerSBack },
  });
  const between = (from: string, to: string): Way | undefined => {
    const found = links.find((one) => [one.from, one.to].sort().join(' ') === [from, to].sort().join(' '));
    if (found === undefined) return link && stated(link).up;
    const both = 'profile' in found ? linkProfiles.get(found.profile) : stated(found);
    return found.from === from ? both?.up : both?.down;
  };
  return devices.map((from) => devices.map((to) => (from === to ? undefined : between(from.id, to.id))));
}
