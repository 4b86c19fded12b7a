import type { LlmLayerTimes, LlmSide } from './problem.js';

/** Times of ranges of layers on one side, at any length. */
export interface SideTimes {
  /** Of the layers [from, to), one of which is an end of the model. */
  decodeMs(width: string, cache: string, from: number, to: number, tokens: number): number;
  prefillMs(width: string, from: number, to: number, tokens: number): number;
}

/** By end of the range: times at the side's lengths, one row for each number of layers. */
interface Cumulated {
  readonly first: readonly Float64Array[];
  readonly last: readonly Float64Array[];
}

/** Sums the tables once, so that asking takes no longer for more layers. */
export function sideTimes({ lengths, layers }: LlmSide): SideTimes {
  const decode = new Map<string, Cumulated>();
  const prefill = new Map<string, Cumulated>();
  for (const [width, times] of Object.entries(layers)) {
    prefill.set(width, cumulated(times.map(({ prefillMs }) => prefillMs)));
    for (const cache of cachesOf(times)) {
      decode.set(`${width} ${cache}`, cumulated(times.map(({ decodeMs }) => decodeMs[cache] ?? [])));
    }
  }
  const at = (table: Cumulated | undefined, from: number, to: number, tokens: number) => {
    const row = from === 0 ? table?.first[to] : table?.last[to - from];
    return row === undefined ? 0 : timeAt(lengths, row, tokens);
  };
  return {
    decodeMs: (width, cache, from, to, tokens) => at(decode.get(`${width} ${cache}`), from, to, tokens),
    prefillMs: (width, from, to, tokens) => at(prefill.get(width), from, to, tokens),
  };
}

/** The kinds of cache that every layer was measured with. */
export function cachesOf(layers: readonly LlmLayerTimes[]): readonly string[] {
  const [first, ...others] = layers;
  return Object.keys(first?.decodeMs ?? {}).filter((cache) => others.every(({ decodeMs }) => cache in decodeMs));
}

function cumulated(layers: readonly (readonly number[])[]): Cumulated {
  const rising = layers.map(nonDecreasing);
  return { first: runningSums(rising), last: runningSums(rising.toReversed()) };
}

function runningSums(layers: readonly (readonly number[])[]): Float64Array[] {
  const rows = [new Float64Array(layers[0]?.length ?? 0)];
  for (const layer of layers) rows.push((rows.at(-1) as Float64Array).map((sum, i) => sum + (layer[i] ?? 0)));
  return rows;
}

/** A longer text never takes less time; a table that says so is raised, which makes every cost monotone in the length. */
function nonDecreasing(times: readonly number[]): number[] {
  let most = 0;
  return times.map((time) => {
    most = Math.max(most, time);
    return most;
  });
}

/** Straight between two measured lengths; that of the shortest below it. */
function timeAt(lengths: readonly number[], times: Float64Array, tokens: number): number {
  const above = lengths.findIndex((length) => length >= tokens);
  const high = times[above] ?? Infinity;
  if (above <= 0) return high;
  const low = times[above - 1] ?? 0;
  const [from, to] = [lengths[above - 1] ?? 0, lengths[above] ?? 0];
  return low + (high - low) * ((tokens - from) / (to - from));
}
