import { sum } from './assemble.js';
import { divideStage, type Effort } from './divide-stage.js';
import { divideUnits, slowestMs } from './divide-units.js';
import { freeDivision } from './free-division.js';
import { type ClusterProblem, chunkTokens, type StagePlan } from './problem.js';
import { loadMsPerByte } from './rank-memory.js';
import { type StageGroup, stageGroup } from './stage-group.js';

/** Sets of devices are numbers with a bit for each. */
export type DeviceSet = number;

/** Stages by devices, layers and whether the head is there, each computed when it is first asked for. */
export interface StageTable {
  readonly sets: number;
  /** Its devices share their layers, the first of them leads: rank 0, or the first in the problem's order. */
  group(set: DeviceSet): StageGroup | undefined;
  /** The fastest division for a token; undefined if there is none. */
  stage(set: DeviceSet, layers: number, hasHead: boolean): StagePlan | undefined;
  /** What no division of a layer beats, for a token and for a chunk. */
  leastMs(set: DeviceSet): { readonly token: number; readonly chunk: number };
  /** What no stages of these devices load faster, however layers are divided: as if all were one memory and one disk. */
  leastLoadMs(set: DeviceSet, layers: number): number;
}

export function stageTable(problem: ClusterProblem, effort: Effort): StageTable {
  const sets = 1 << problem.devices.length;
  const groups: (StageGroup | undefined)[] = Array.from({ length: sets }, (_, set) =>
    set === 0 ? undefined : stageGroup(problem, membersOf(problem, set)),
  );
  const least = groups.map((group) => leastOf(problem, group));
  const loads = leastLoads(problem, sets);
  const free = groups.map((group) => group && freeDivision(problem, group));
  const known = new Map<number, StagePlan | undefined>();
  return {
    sets,
    group: (set) => groups[set],
    leastMs: (set) => least[set] ?? impossible,
    leastLoadMs: (set, layers) => loads[set * (problem.model.layers + 1) + layers] ?? 0,
    stage(set, layers, hasHead) {
      const key = (layers * sets + set) * 2 + (hasHead ? 1 : 0);
      if (known.has(key)) return known.get(key);
      const [group, freely] = [groups[set], free[set]];
      const stage = group && freely && divideStage(problem, group, freely, { layers, hasHead }, effort);
      known.set(key, stage);
      return stage;
    },
  };
}

const impossible = { token: Infinity, chunk: Infinity };

function membersOf({ devices, rank0 }: ClusterProblem, set: DeviceSet): number[] {
  const members = devices.flatMap((_, device) => ((set >> device) & 1 ? [device] : []));
  return members.sort((a, b) => Number(b === rank0) - Number(a === rank0) || a - b);
}

function leastOf({ model, promptTokens }: ClusterProblem, group: StageGroup | undefined) {
  if (group === undefined) return impossible;
  const { ranks, attentionUnits, tokenReduce, chunkReduce } = group;
  const slowest = (units: number, ms: readonly number[]) => {
    const costs = ms.map((whole) => ({ costMs: whole / units, least: 1, most: units }));
    const counts = divideUnits(units, costs);
    return counts === undefined ? Infinity : slowestMs(counts, costs);
  };
  const part = Math.min(chunkTokens, promptTokens) / chunkTokens;
  const compute = (of: 'token' | 'chunk') =>
    slowest(
      attentionUnits,
      ranks.map((device) => device[of].attentionMs),
    ) +
    slowest(
      model.ffnBlocks,
      ranks.map((device) => device[of].ffnMs),
    );
  return {
    token: compute('token') + 2 * tokenReduce.ms,
    chunk: part * compute('chunk') + 2 * chunkReduce.ms,
  };
}

/** By set of devices and layers. */
function leastLoads({ model, devices }: ClusterProblem, sets: number): Float64Array {
  const { heads, kvHeads, ffnBlocks, weights } = model;
  const perLayer = (of: 'heldBytes' | 'fileBytes') =>
    heads * weights.queryHead[of] + kvHeads * weights.kvHead[of] + ffnBlocks * weights.ffnBlock[of];
  const layerBytes = perLayer('heldBytes');
  const fileShare = Math.min(
    ...[weights.queryHead, weights.kvHead, weights.ffnBlock].map(({ heldBytes, fileBytes }) => fileBytes / heldBytes),
  );
  const width = model.layers + 1;
  const loads = new Float64Array(sets * width);
  for (let set = 1; set < sets; set++) {
    const members = devices.filter((_, device) => (set >> device) & 1);
    const room = sum(members.map(({ memoryBytes }) => Math.max(0, memoryBytes - model.processBytes)));
    const bytesPerMs = sum(members.map(({ disk }) => (disk === null ? 0 : 1 / loadMsPerByte(model, disk))));
    for (let layers = 1; layers < width; layers++) {
      const streamed = Math.max(0, layers * layerBytes - room) * fileShare;
      loads[set * width + layers] = streamed === 0 ? 0 : streamed / bytesPerMs;
    }
  }
  return loads;
}
