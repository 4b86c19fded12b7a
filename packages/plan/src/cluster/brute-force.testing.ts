import type { ClusterProblem } from './problem.js';

/** Costs of one plan, written down from docs/cluster.md alone. */
export interface BruteCosts {
  readonly msPerToken: number;
  readonly ttftMs: number;
  readonly peakBytes: number;
}

export interface BrutePlan extends BruteCosts {
  /** Devices of each stage. */
  readonly stages: readonly (readonly number[])[];
  /** Through all stages with one chunk, and the slowest stage or hop with it. */
  readonly throughMs: number;
  readonly periodMs: number;
}

interface BruteStage {
  readonly devices: readonly number[];
  readonly tokenMs: number;
  readonly chunkMs: number;
  readonly tailMs: number;
  readonly peakBytes: number;
}

/** Every plan: all stages in every order, all ways to give them layers, and for each stage all its fastest shares. */
export function everyClusterPlan(problem: ClusterProblem): BrutePlan[] {
  const all = problem.devices.map((_, device) => device);
  return orderedStages(all).flatMap((stages) => {
    const groups = stages.map((devices) => {
      const rank0 = devices.filter((device) => device === problem.rank0);
      return [...rank0, ...devices.filter((device) => device !== problem.rank0)];
    });
    if (problem.rank0 !== undefined && groups.length > 1 && groups[0]?.[0] !== problem.rank0) return [];
    return compositions(problem.model.layers, groups.length, 1).flatMap((layers) => {
      const options = groups.map((devices, i) => fastestShares(problem, devices, layers[i] ?? 0, i === 0));
      return product(options).map((chosen) => planCosts(problem, chosen));
    });
  });
}

function planCosts(problem: ClusterProblem, stages: readonly BruteStage[]): BrutePlan {
  const { model, ways, promptTokens } = problem;
  const send = (from: number, to: number, bytes: number) => {
    const way = ways[from]?.[to];
    return way === undefined ? Infinity : way.fixedMs + (1000 * bytes) / way.bytesPerS;
  };
  const lead = stages.map(({ devices }) => devices[0] ?? 0);
  const first = stages[0]?.devices ?? [];
  const bytes = 4 * model.hiddenSize;
  const atOnce = Math.min(128, promptTokens);
  let msPerToken = 0;
  let throughMs = 0;
  let periodMs = 0;
  for (const [i, stage] of stages.entries()) {
    msPerToken += stage.tokenMs;
    throughMs += stage.chunkMs;
    periodMs = Math.max(periodMs, stage.chunkMs);
    if (i === 0) continue;
    const [from = 0, to = 0] = [lead[i - 1], lead[i]];
    msPerToken += send(from, to, bytes);
    throughMs += send(from, to, atOnce * bytes);
    periodMs = Math.max(periodMs, send(from, to, atOnce * bytes));
  }
  let tail = stages[0]?.tailMs ?? 0;
  if (stages.length > 1) {
    const back = send(lead.at(-1) ?? 0, lead[0] ?? 0, bytes) + spread(problem, first, bytes);
    msPerToken += back;
    tail += back;
  }
  return {
    stages: stages.map(({ devices }) => devices),
    msPerToken,
    throughMs: throughMs + tail,
    periodMs,
    ttftMs: throughMs + (Math.ceil(promptTokens / 128) - 1) * periodMs + tail,
    peakBytes: Math.max(...stages.map((stage) => stage.peakBytes)),
  };
}

/** The shares with which a token takes least, all of them where several do. */
function fastestShares(
  problem: ClusterProblem,
  devices: readonly number[],
  layers: number,
  hasHead: boolean,
): BruteStage[] {
  const { heads, kvHeads, ffnBlocks } = problem.model;
  const headsPerUnit = devices.length <= kvHeads ? heads / kvHeads : 1;
  const stages: BruteStage[] = [];
  for (const rows of headDivisions(problem, devices, hasHead)) {
    for (const attention of compositions(heads / headsPerUnit, devices.length, 1)) {
      for (const ffn of compositions(ffnBlocks, devices.length, 1)) {
        const ownHeads = attention.map((units) => units * headsPerUnit);
        const stage = stageCosts(problem, devices, layers, { heads: ownHeads, ffn, rows, hasHead });
        if (stage !== undefined) stages.push(stage);
      }
    }
  }
  const least = Math.min(...stages.map(({ tokenMs }) => tokenMs));
  return stages.filter(({ tokenMs }) => tokenMs <= least * (1 + 1e-9));
}

/** By speed and by memory, unit after unit to whoever is then least; and all at rank 0. */
function headDivisions({ devices, model }: ClusterProblem, group: readonly number[], hasHead: boolean): number[][] {
  if (!hasHead) return [group.map(() => 0)];
  const divided = (weigh: (device: number) => number) => {
    const rows = group.map(() => 0);
    for (let unit = 0; unit < model.vocabularyUnits; unit++) {
      const after = rows.map((count, i) => (count + 1) * weigh(group[i] ?? 0));
      const next = after.indexOf(Math.min(...after));
      rows[next] = (rows[next] ?? 0) + 1;
    }
    return rows;
  };
  return [
    divided((device) => devices[device]?.token.headMs ?? 0),
    divided((device) => 1 / Math.max(1, (devices[device]?.memoryBytes ?? 0) - model.processBytes)),
    group.map((_, rank) => (rank === 0 ? model.vocabularyUnits : 0)),
  ];
}

interface Shares {
  readonly heads: readonly number[];
  readonly ffn: readonly number[];
  readonly rows: readonly number[];
  readonly hasHead: boolean;
}

function stageCosts(
  problem: ClusterProblem,
  group: readonly number[],
  layers: number,
  { heads, ffn, rows, hasHead }: Shares,
): BruteStage | undefined {
  const { model, devices, promptTokens } = problem;
  const memory = group.map((device, i) =>
    memoryCosts(problem, device, layers, group.length, [heads[i] ?? 0, ffn[i] ?? 0, rows[i] ?? 0]),
  );
  if (memory.includes(undefined)) return undefined;
  const slowest = (part: (device: number, rank: number) => number) => Math.max(...group.map(part));
  const atOnce = Math.min(128, promptTokens);
  const halves = (of: 'token' | 'chunk') =>
    layers * slowest((device, i) => ((devices[device]?.[of].attentionMs ?? 0) * (heads[i] ?? 0)) / model.heads) +
    layers * slowest((device, i) => ((devices[device]?.[of].ffnMs ?? 0) * (ffn[i] ?? 0)) / model.ffnBlocks);
  const headMs = slowest(
    (device, i) => ((devices[device]?.token.headMs ?? 0) * (rows[i] ?? 0)) / model.vocabularyUnits,
  );
  const load = Math.max(...memory.map((own) => own?.loadMs ?? 0));
  const hidden = 4 * model.hiddenSize;
  const logits = hasHead ? collect(problem, group, rows) : 0;
  const tokenSync = spread(problem, group, hidden) + 2 * layers * allReduce(problem, group, model.hiddenSize) + logits;
  const chunkSync =
    spread(problem, group, atOnce * hidden) + 2 * layers * allReduce(problem, group, atOnce * model.hiddenSize);
  return {
    devices: group,
    tokenMs: Math.max(halves('token') + headMs + tokenSync, load),
    chunkMs: Math.max((halves('chunk') * atOnce) / 128 + chunkSync, load),
    tailMs: headMs + logits,
    peakBytes: Math.max(...memory.map((own) => own?.peakBytes ?? 0)),
  };
}

function memoryCosts(
  { model, devices, promptTokens, lengthTokens }: ClusterProblem,
  index: number,
  layers: number,
  ranks: number,
  [heads, blocks, rows]: readonly [number, number, number],
): { readonly peakBytes: number; readonly loadMs: number } | undefined {
  const device = devices[index];
  if (device === undefined) return undefined;
  const { weights, passBytes } = model;
  const queries = model.heads / model.kvHeads;
  const kvHeads =
    ranks <= model.kvHeads || queries === 1
      ? heads / queries
      : Math.min(model.kvHeads, Math.ceil((heads - 1) / queries) + 1);
  const attention = heads * weights.queryHead.heldBytes + kvHeads * weights.kvHead.heldBytes;
  const ffn = blocks * weights.ffnBlock.heldBytes;
  const kept = Math.ceil(lengthTokens / model.cacheStepTokens) * model.cacheStepTokens;
  const perToken =
    passBytes.token +
    heads * passBytes.queryHead +
    heads * lengthTokens * passBytes.score +
    blocks * passBytes.ffnBlock;
  const fixed =
    model.processBytes +
    layers * model.layerBytes +
    layers * kept * kvHeads * model.cacheBytes +
    rows * weights.vocabularyUnit.heldBytes +
    Math.min(128, promptTokens) * perToken;
  const onDisk = [
    heads * weights.queryHead.fileBytes + kvHeads * weights.kvHead.fileBytes,
    blocks * weights.ffnBlock.fileBytes,
  ] as const;
  let peakBytes = fixed + 2 * Math.max(...onDisk) + layers * (attention + ffn);
  if (peakBytes <= device.memoryBytes) return { peakBytes, loadMs: 0 };
  peakBytes = fixed + 2 * Math.max(...onDisk) + Math.max(attention, ffn);
  if (device.disk === null || peakBytes > device.memoryBytes) return undefined;
  let streamed = layers * (onDisk[0] + onDisk[1]);
  while (peakBytes + attention + ffn <= device.memoryBytes && streamed > 0) {
    peakBytes += attention + ffn;
    streamed -= onDisk[0] + onDisk[1];
  }
  const [more, less] = onDisk[1] >= onDisk[0] ? ([1, 0] as const) : ([0, 1] as const);
  const held = [attention, ffn] as const;
  for (const half of [more, less]) {
    if (peakBytes + held[half] > device.memoryBytes) continue;
    peakBytes += held[half];
    streamed -= onDisk[half];
    break;
  }
  const layerFile =
    model.heads * weights.queryHead.fileBytes +
    model.kvHeads * weights.kvHead.fileBytes +
    model.ffnBlocks * weights.ffnBlock.fileBytes;
  const { bytesPerS, prepareLayerMs } = device.disk;
  return { peakBytes, loadMs: (1000 * streamed) / bytesPerS + (prepareLayerMs * streamed) / layerFile };
}

interface Message {
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
}

/** Messages that begin together; each device sends all of its own, and receives all that are for it, over one connection. */
function together({ ways }: ClusterProblem, messages: readonly Message[], ends: 'from' | 'to'): number {
  const byDevice = new Map<number, Message[]>();
  for (const message of messages) byDevice.set(message[ends], [...(byDevice.get(message[ends]) ?? []), message]);
  return Math.max(
    0,
    ...[...byDevice.values()].map((own) => {
      const links = own.map(({ from, to, bytes }) => ({ way: ways[from]?.[to], bytes }));
      if (links.some(({ way }) => way === undefined)) return Infinity;
      const delay = Math.max(...links.map(({ way }) => way?.fixedMs ?? 0));
      return delay + links.reduce((ms, { way, bytes }) => ms + (1000 * bytes) / (way?.bytesPerS ?? 1), 0);
    }),
  );
}

function spread(problem: ClusterProblem, [first = 0, ...others]: readonly number[], bytes: number): number {
  return together(
    problem,
    others.map((to) => ({ from: first, to, bytes })),
    'from',
  );
}

function collect(problem: ClusterProblem, [first = 0, ...others]: readonly number[], rows: readonly number[]): number {
  const messages = others.map((from, i) => ({ from, to: first, bytes: 256 * (rows[i + 1] ?? 0) }));
  return together(
    problem,
    messages.filter(({ bytes }) => bytes > 0),
    'to',
  );
}

function allReduce(problem: ClusterProblem, group: readonly number[], values: number): number {
  const count = group.length;
  if (count === 1) return 0;
  const bytes = values * problem.valueBytes;
  const [first = 0, ...others] = group;
  const up = (from: readonly number[], to: number) =>
    together(
      problem,
      from.map((one) => ({ from: one, to, bytes })),
      'to',
    );
  const down = (from: number, to: readonly number[]) => spread(problem, [from, ...to], bytes);
  const star = up(others, first) + down(first, others) + (count - 1) * values * 1e-6;
  const everyone = group.flatMap((from) => group.flatMap((to) => (from === to ? [] : [{ from, to, bytes }])));
  const mesh =
    Math.max(together(problem, everyone, 'from'), together(problem, everyone, 'to')) + (count - 1) * values * 1e-6;
  const steps = group.map((from, i) => ({ from, to: group[(i + 1) % count] ?? 0, bytes: bytes / count }));
  const ring = 2 * (count - 1) * together(problem, steps, 'from') + ((count - 1) * values * 1e-6) / count;
  const size = Math.ceil(Math.sqrt(count));
  const runs = group.flatMap((_, i) => (i % size === 0 ? [group.slice(i, i + size)] : []));
  const leaders = runs.map(([leader = 0]) => leader);
  const tree =
    Math.max(...runs.map(([leader = 0, ...own]) => up(own, leader))) +
    up(leaders.slice(1), first) +
    down(first, leaders.slice(1)) +
    Math.max(...runs.map(([leader = 0, ...own]) => down(leader, own))) +
    (Math.max(...runs.map(({ length }) => length)) + leaders.length - 2) * values * 1e-6;
  return Math.min(star, mesh, ring, tree);
}

/** All ways to make disjoint groups of some of these devices, in every order. */
function orderedStages(devices: readonly number[]): number[][][] {
  const groups = Array.from({ length: 2 ** devices.length - 1 }, (_, i) =>
    devices.filter((_, bit) => ((i + 1) >> bit) & 1),
  );
  return groups.flatMap((group) => {
    const rest = devices.filter((device) => !group.includes(device));
    return [[group], ...orderedStages(rest).map((others) => [group, ...others])];
  });
}

/** All ways to write a number as so many parts, none below `least`. */
function compositions(total: number, parts: number, least: number): number[][] {
  if (parts === 1) return total >= least ? [[total]] : [];
  const found: number[][] = [];
  for (let first = least; first <= total; first++) {
    for (const rest of compositions(total - first, parts - 1, least)) found.push([first, ...rest]);
  }
  return found;
}

function product<T>(options: readonly (readonly T[])[]): T[][] {
  return options.reduce<T[][]>((all, next) => all.flatMap((before) => next.map((one) => [...before, one])), [[]]);
}
