import type { LlmSide } from './problem.js';

/** Times of ranges of layers on one side, at any length. */
export interface SideTimes {
  /** Of the layers [from, to), one of which is an end of the model. */
  decodeMs(width: string, from: number, to: number, tokens: number): number;
  prefillMs(width: string, from: number, to: number, tokens: number): number;
}

/** By end of the range: times at the side's lengths, one row for each number of layers. */
interface Cumulated {
  readonly first: readonly Float64Array[];
  readonly last: readonly Float64Array[];
}

/** Sums the tables once, so that asking takes no longer for more layers. */
export function sideTimes({ lengths, layers }: LlmSide): SideTimes {
  const tables = new Map(
    Object.entries(layers).map(([width, times]) => [
      width,
      { decode: cumulated(times.map(({ decodeMs }) => decodeMs)), prefill: cumulated(times.map((t) => t.prefillMs)) },
    ]),
  );
  const at = (kind: 'decode' | 'prefill') => (width: string, from: number, to: number, tokens: number) => {
    const table = tables.get(width)?.[kind];
    const row = from === 0 ? table?.first[to] : table?.last[to - from];
    return row === undefined ? 0 : timeAt(lengths, row, tokens);
  };
  return { decodeMs: at('decode'), prefillMs: at('prefill') };
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
