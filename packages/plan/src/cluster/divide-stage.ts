import { sum } from './assemble.js';
import { divideUnits, slowestMs, type UnitCost } from './divide-units.js';
import type { FreeDivision } from './free-division.js';
import type { ClusterProblem, StagePlan } from './problem.js';
import { rankMemory } from './rank-memory.js';
import { type StageGroup, shardOf, stageOf } from './stage-group.js';

/** How often a part of a division was tried, and whether there was no more time for it: what a search may cost is counted, not timed. */
export interface Effort {
  left: number;
  wasCut: boolean;
}

/**
 * The fastest division for a token of layers (and of the head, where `hasHead`) over a group: exact over all whole shares of
 * attention and feed-forward, for each of three ways to divide the head: by speed, by memory, or all of it at rank 0, which
 * saves the way of the logits. Undefined if none fits into memory.
 *
 * Memory aside, attention and feed-forward are divided one by one, each with the least largest time; what then keeps all
 * budgets, or loads no longer than it computes, is the best. Else the slowest attention is fixed at each of its possible
 * values in turn. Under it and a time for the whole token, a rank with so much attention has room for so many blocks of the
 * feed-forward and no more, so that a table over ranks and attention given away says whether all blocks find a place; the
 * least time for which they do is found by halving.
 */
export function divideStage(
  problem: ClusterProblem,
  group: StageGroup,
  free: FreeDivision,
  { layers, hasHead }: { readonly layers: number; readonly hasHead: boolean },
  effort: Effort,
): StagePlan | undefined {
  const costs = costsOf(free, layers);
  const heads = hasHead ? free.heads : [group.ranks.map(() => 0)];
  let best: StagePlan | undefined;
  for (const vocabulary of heads) {
    const freely = stageOf(problem, group, layers, { attention: free.attention, ffn: free.ffn, vocabulary });
    if (freely !== undefined && (best === undefined || freely.tokenMs < best.tokenMs)) best = freely;
    const computes = freely !== undefined && freely.loadMs <= freely.computeMs + freely.syncMs;
    if (group.ranks.length === 1 || computes) continue;
    best = new CoupledDivision(problem, group, layers, vocabulary, { costs, free, effort }, best).fastest();
  }
  return best;
}

interface Known {
  readonly costs: UnitCosts;
  readonly free: FreeDivision;
  readonly effort: Effort;
}

interface UnitCosts {
  readonly attention: readonly UnitCost[];
  readonly ffn: readonly UnitCost[];
}

function costsOf({ attentionCosts, ffnCosts }: FreeDivision, layers: number): UnitCosts {
  const ofLayers = (costs: readonly UnitCost[]) => costs.map((cost) => ({ ...cost, costMs: layers * cost.costMs }));
  return { attention: ofLayers(attentionCosts), ffn: ofLayers(ffnCosts) };
}

/** Shares of attention and feed-forward that memory couples, the head's being given. */
class CoupledDivision {
  /** What no division changes: all that is sent, and the head. */
  readonly #fixedMs: number;
  readonly #freeFfnMs: number;
  #best: StagePlan | undefined;
  /** What was found last, as most questions are about the same time. */
  #room: readonly number[][] = [];
  #roomMs = Number.NaN;

  constructor(
    readonly problem: ClusterProblem,
    readonly group: StageGroup,
    readonly layers: number,
    readonly vocabulary: readonly number[],
    readonly known: Known,
    best: StagePlan | undefined,
  ) {
    this.#best = best;
    const { tokenSpreadMs, tokenReduce, ranks } = group;
    const head = Math.max(
      ...ranks.map(({ token }, i) => ((vocabulary[i] ?? 0) * token.headMs) / problem.model.vocabularyUnits),
    );
    const sent = tokenSpreadMs + 2 * layers * tokenReduce.ms;
    this.#fixedMs = head + sent + (vocabulary.some((units) => units > 0) ? group.collectMs(vocabulary) : 0);
    this.#freeFfnMs = slowestMs(known.free.ffn, known.costs.ffn);
  }

  /** The best division, or what was known before if none beats that. */
  fastest(): StagePlan | undefined {
    const times = this.known.free.attentionTimes.map((ms) => this.layers * ms);
    this.#search(times, 0, times.length - 1);
    return this.#best;
  }

  /** Looks for what beats the best among these times of attention: all of them at once if they cannot, else either half of them. */
  #search(times: readonly number[], from: number, to: number): void {
    const [low, high] = [times[from], times[to]];
    if (low === undefined || high === undefined || from > to) return;
    if (from === to) {
      this.#halve(low);
      return;
    }
    if (!this.#improve(high, low, this.#goalMs)) return;
    const middle = (from + to) >> 1;
    this.#search(times, from, middle);
    this.#search(times, middle + 1, to);
  }

  /** Halves the time that a token may take between what no division beats and the best so far. */
  #halve(attentionMs: number): void {
    if (!this.#improve(attentionMs, attentionMs, this.#goalMs)) return;
    let low = attentionMs + this.#freeFfnMs + this.#fixedMs;
    while (this.#best !== undefined && this.#best.tokenMs > low * (1 + precision)) {
      const middle = (low + this.#best.tokenMs) / 2;
      if (!this.#improve(attentionMs, attentionMs, middle)) low = middle;
    }
  }

  /** What beats the best at all takes no longer than this. */
  get #goalMs(): number {
    return this.#best === undefined ? Infinity : this.#best.tokenMs * (1 - precision);
  }

  /**
   * False if no division takes so little for a token with attention that takes between these times at its slowest. A division that is
   * found becomes the best if it is.
   */
  #improve(mostAttentionMs: number, leastAttentionMs: number, tokenMs: number): boolean {
    const { group, problem } = this;
    const { costs, effort } = this.known;
    if (effort.left <= 0) {
      effort.wasCut = true;
      return false;
    }
    const others = group.ranks.length - 1;
    const ffnMs = tokenMs - this.#fixedMs - leastAttentionMs;
    if (ffnMs < this.#freeFfnMs * (1 - precision)) return false;
    const room = this.#roomWithin(tokenMs).map((own, rank) => {
      const heads = countWithin(mostAttentionMs, costs.attention[rank]?.costMs ?? 0, group.attentionUnits - others);
      const blocks = countWithin(ffnMs, costs.ffn[rank]?.costMs ?? 0, problem.model.ffnBlocks - others);
      return own.slice(0, heads + 1).map((most) => Math.min(most, blocks));
    });
    const { ffnBlocks } = problem.model;
    if (sum(room.map(([, most = 0]) => most)) < ffnBlocks) return false;
    const attention = mostRoom(room, group.attentionUnits, ffnBlocks, effort);
    if (attention === undefined) return false;
    const most = attention.map((units, rank) => room[rank]?.[units] ?? 0);
    const ffn = divideUnits(
      ffnBlocks,
      costs.ffn.map((cost, rank) => ({ ...cost, most: most[rank] ?? 0 })),
    );
    if (ffn === undefined) return false;
    const found = stageOf(problem, group, this.layers, { attention, ffn, vocabulary: this.vocabulary });
    if (found !== undefined && found.tokenMs < (this.#best?.tokenMs ?? Infinity)) this.#best = found;
    return found !== undefined;
  }

  /** By rank and units of attention, from 0 on: the most blocks of the feed-forward that memory and disk allow in that time. */
  #roomWithin(tokenMs: number): readonly number[][] {
    if (tokenMs !== this.#roomMs) this.#room = this.group.ranks.map((_, rank) => this.#roomOf(rank, tokenMs));
    this.#roomMs = tokenMs;
    return this.#room;
  }

  #roomOf(rank: number, tokenMs: number): number[] {
    const { group, problem } = this;
    const others = group.ranks.length - 1;
    const room = [0];
    let most = problem.model.ffnBlocks - others;
    for (let units = 1; units <= group.attentionUnits - others; units++) {
      most = mostWithin(most, (blocks) => this.#fits(rank, units, blocks, tokenMs));
      room.push(most);
    }
    this.known.effort.left -= room.length * fitSteps;
    return room;
  }

  #fits(rank: number, units: number, blocks: number, tokenMs: number): boolean {
    const { problem, group, layers } = this;
    const device = group.ranks[rank];
    if (device === undefined) return false;
    const shard = shardOf(problem, group, layers, [units, blocks, this.vocabulary[rank] ?? 0]);
    const memory = rankMemory(problem.model, device, shard, problem);
    return memory !== undefined && memory.loadMs <= tokenMs;
  }
}

/** Asking how many blocks fit takes about as long as so many steps through the table. */
const fitSteps = 60;
/** How near the least time is found, as a share of it. */
const precision = 1e-7;

/** The units whose time is within a bound; what was multiplied before may be a bit less when divided. */
function countWithin(ms: number, costMs: number, most: number): number {
  if (!(costMs > 0)) return ms >= 0 ? most : 0;
  return Math.min(most, Math.max(0, Math.floor((ms / costMs) * (1 + 1e-12) + 1e-12)));
}

/** The largest number up to `most` that fits, where what is less than one that fits does too; 0 if none. */
function mostWithin(most: number, fits: (count: number) => boolean): number {
  if (most === 0 || fits(most)) return most;
  let low = 0;
  let high = most;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (fits(middle)) low = middle;
    else high = middle;
  }
  return low;
}

/**
 * Divides units of attention such that all blocks find room: the table's entry for so many units, given to the ranks so far, is the most room
 * they can leave. Undefined if that is too little.
 */
function mostRoom(
  room: readonly (readonly number[])[],
  attentionUnits: number,
  blocks: number,
  effort: Effort,
): number[] | undefined {
  let sums = new Int32Array(attentionUnits + 1).fill(-1);
  sums[0] = 0;
  const choices: Int32Array[] = [];
  for (const own of room) {
    const next = new Int32Array(attentionUnits + 1).fill(-1);
    const choice = new Int32Array(attentionUnits + 1);
    for (let units = 1; units < own.length; units++) {
      const left = own[units] ?? 0;
      if (left === 0) break;
      for (let before = 0; before + units <= attentionUnits; before++) {
        const sum = sums[before] as number;
        if (sum >= 0 && sum + left > (next[before + units] as number)) {
          next[before + units] = sum + left;
          choice[before + units] = units;
        }
      }
    }
    effort.left -= own.length * attentionUnits;
    choices.push(choice);
    sums = next;
  }
  if ((sums[attentionUnits] as number) < blocks) return undefined;
  let left = attentionUnits;
  const attention: number[] = [];
  for (const choice of choices.reverse()) {
    const units = choice[left] as number;
    attention.unshift(units);
    left -= units;
  }
  return attention;
}
