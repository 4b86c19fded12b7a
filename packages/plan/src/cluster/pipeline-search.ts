import { assemble, type Hops, headMs, hopsOf } from './assemble.js';
import type { ClusterPlan, ClusterProblem, StagePlan } from './problem.js';
import type { StageGroup } from './stage-group.js';
import type { DeviceSet, StageTable } from './stage-table.js';

/** What a pipeline is the best in: time per token, time of one chunk from end to end, or time between chunks. */
export type PipelineGoal = 'token' | 'chunk' | 'period';
export const pipelineGoals: readonly PipelineGoal[] = ['token', 'chunk', 'period'];

/** What a plan of one stage takes in a goal. */
export function goalMs({ msPerToken, ttftMs, stages: [stage] }: ClusterPlan, goal: PipelineGoal): number {
  if (goal === 'token') return msPerToken;
  return goal === 'period' ? stage.chunkMs : ttftMs;
}

/**
 * The best pipeline of two stages or more in a goal: exact over all orders of stages, all groups among `sets` and all ways to give them layers, by
 * dynamic programming over (devices used, who leads the last stage, layers done). Undefined if there is none, or none better than `bound`.
 */
export function bestPipeline(
  problem: ClusterProblem,
  table: StageTable,
  goal: PipelineGoal,
  sets: readonly DeviceSet[],
  bound = Infinity,
): { readonly plan: ClusterPlan; readonly value: number } | undefined {
  const search = new PipelineSearch(problem, table, goal, sets, bound);
  const starts = problem.rank0 === undefined ? problem.devices.keys() : [problem.rank0];
  for (const rank0 of starts) search.from(rank0);
  return search.best;
}

class PipelineSearch {
  best: { readonly plan: ClusterPlan; readonly value: number } | undefined;
  readonly #leaders: readonly (number | undefined)[];
  readonly #hops: Hops;
  readonly #leastLayerMs: number;
  readonly #width: number;
  #values = new Float64Array(0);
  /** By place: devices and layers of the last stage, and who led the one before. */
  #lastSet = new Uint16Array(0);
  #lastLayers = new Uint16Array(0);
  #leaderBefore = new Uint8Array(0);

  constructor(
    readonly problem: ClusterProblem,
    readonly table: StageTable,
    readonly goal: PipelineGoal,
    readonly sets: readonly DeviceSet[],
    readonly bound: number,
  ) {
    this.#leaders = Array.from({ length: table.sets }, (_, set) => table.group(set)?.devices[0]);
    this.#hops = hopsOf(problem);
    this.#width = problem.model.layers + 1;
    this.#leastLayerMs = goal === 'period' ? 0 : Math.min(...sets.map((set) => this.#layerMs(set)));
  }

  /** Looks at all pipelines whose first stage is led by that device. */
  from(rank0: number): void {
    const { devices, model } = this.problem;
    const places = this.table.sets * devices.length * this.#width;
    this.#values = new Float64Array(places).fill(Infinity);
    this.#lastSet = new Uint16Array(places);
    this.#lastLayers = new Uint16Array(places);
    this.#leaderBefore = new Uint8Array(places);
    const before = new Float64Array(this.#width).fill(Infinity);
    before[0] = 0;
    for (const set of this.sets) {
      if (this.#leaders[set] === rank0) this.#append(0, rank0, before, undefined, set, model.layers - 1);
    }
    for (let used = 1; used < this.table.sets; used++) this.#continue(used);
    this.#finish(rank0);
  }

  /** Appends every stage that is possible behind those of some devices. */
  #continue(used: DeviceSet): void {
    const { devices, model } = this.problem;
    for (let next = 0; next < devices.length; next++) {
      if ((used >> next) & 1) continue;
      const { before, leaders, any } = this.#beforeHop(used, next);
      if (!any) continue;
      for (const set of this.sets) {
        if ((set & used) === 0 && this.#leaders[set] === next) {
          this.#append(used, next, before, leaders, set, model.layers);
        }
      }
    }
  }

  /** By layers done: the best value with the hop to the next leader, and from whom. */
  #beforeHop(used: DeviceSet, next: number) {
    const before = new Float64Array(this.#width).fill(Infinity);
    const leaders = new Uint8Array(this.#width);
    let any = false;
    for (let leader = 0; leader < this.problem.devices.length; leader++) {
      if (!((used >> leader) & 1)) continue;
      const hopMs = this.goal === 'token' ? this.#hops.tokenMs(leader, next) : this.#hops.chunkMs(leader, next);
      const at = this.#place(used, leader);
      for (let layers = 1; layers < this.#width; layers++) {
        const value = this.#joined(this.#values[at + layers] as number, hopMs);
        if (value < (before[layers] as number)) {
          before[layers] = value;
          leaders[layers] = leader;
          any = true;
        }
      }
    }
    return { before, leaders, any };
  }

  #append(
    used: DeviceSet,
    leader: number,
    before: Float64Array,
    leadersBefore: Uint8Array | undefined,
    set: DeviceSet,
    mostLayers: number,
  ): void {
    const layerMs = this.#layerMs(set);
    const to = this.#place(used | set, leader);
    const limit = Math.min(this.bound, this.best?.value ?? Infinity);
    for (let layers = 1; layers <= mostLayers; layers++) {
      // With all other layers where they are fastest, more of them here only take longer.
      if (layers * layerMs + (this.#width - 1 - layers) * this.#leastLayerMs >= limit) break;
      let cost: number | undefined;
      const stageMs = Math.max(layers * layerMs, this.table.leastLoadMs(set, layers));
      for (let done = 0; done + layers < this.#width; done++) {
        const left = this.#width - 1 - done - layers;
        const value = before[done] as number;
        if (value >= limit) continue;
        const least = this.#joined(value, stageMs);
        const at = to + done + layers;
        if (!(least < (this.#values[at] as number))) continue;
        const rest = this.#leastRest(used | set, left);
        if (!(this.#joined(least, rest) < limit)) continue;
        cost ??= this.#costOf(set, layers, used === 0);
        const sum = this.#joined(value, cost);
        if (!(sum < (this.#values[at] as number))) continue;
        this.#values[at] = sum;
        this.#lastSet[at] = set;
        this.#lastLayers[at] = layers;
        this.#leaderBefore[at] = leadersBefore?.[done] ?? leader;
      }
    }
  }

  /** Takes the best way through all layers, if it is better than what is known. */
  #finish(rank0: number): void {
    const { devices, model } = this.problem;
    for (let used = 1; used < this.table.sets; used++) {
      for (let leader = 0; leader < devices.length; leader++) {
        const value = this.#values[this.#place(used, leader) + model.layers] as number;
        const backMs = this.#hops.tokenMs(leader, rank0);
        const total = this.goal === 'period' && Number.isFinite(backMs) ? value : value + backMs;
        if (!(total < Math.min(this.bound, this.best?.value ?? Infinity))) continue;
        this.best = { plan: this.#planOf(used, leader), value: total };
      }
    }
  }

  #planOf(used: DeviceSet, leader: number): ClusterPlan {
    const stages: StagePlan[] = [];
    let first: StageGroup | undefined;
    for (let left = this.problem.model.layers, set = used, last = leader; left > 0; ) {
      const at = this.#place(set, last) + left;
      const own = this.#lastSet[at] as number;
      const layers = this.#lastLayers[at] as number;
      const stage = this.table.stage(own, layers, left === layers);
      if (stage !== undefined) stages.unshift(stage);
      first = this.table.group(own);
      last = this.#leaderBefore[at] as number;
      set &= ~own;
      left -= layers;
    }
    return assemble(this.problem, first as StageGroup, stages as [StagePlan, ...StagePlan[]]);
  }

  #costOf(set: DeviceSet, layers: number, isFirst: boolean): number {
    const stage = this.table.stage(set, layers, isFirst);
    const group = this.table.group(set);
    if (stage === undefined || group === undefined) return Infinity;
    if (this.goal === 'token') return stage.tokenMs + (isFirst ? group.tokenSpreadMs : 0);
    if (this.goal === 'period' || !isFirst) return stage.chunkMs;
    return stage.chunkMs + headMs(group, stage) + group.tokenSpreadMs;
  }

  #layerMs(set: DeviceSet): number {
    const least = this.table.leastMs(set);
    return this.goal === 'token' ? least.token : least.chunk;
  }

  /** What no stages of the devices that are left beat for so many layers. */
  #leastRest(used: DeviceSet, layers: number): number {
    if (this.goal === 'period' || layers === 0) return 0;
    return Math.max(layers * this.#leastLayerMs, this.table.leastLoadMs(this.table.sets - 1 - used, layers));
  }

  #joined(a: number, b: number): number {
    return this.goal === 'period' ? Math.max(a, b) : a + b;
  }

  #place(set: DeviceSet, leader: number): number {
    return (set * this.problem.devices.length + leader) * this.#width;
  }
}
