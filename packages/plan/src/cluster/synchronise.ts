import type { ClusterProblem, ReduceTopology, Way } from './problem.js';
import { reduceTopologies } from './problem.js';

/** Adding one f32 to another: a stated figure, 1 ns. */
const addMs = 1e-6;

/** What a group of devices sends within itself. The first device is its rank 0. */
export interface GroupLinks {
  /** The fastest all-reduce of so many values. */
  reduce(values: number): { readonly ms: number; readonly topology: ReduceTopology };
  /** From rank 0 to all others. */
  broadcastMs(bytes: number): number;
  /** To rank 0, so much from each, in order of ranks. */
  collectMs(bytes: readonly number[]): number;
}

/**
 * Times on measured links: a hop takes half a round trip and the bytes at the link's rate; what one device sends or receives at
 * once shares its connection, so bytes add up there. Hops as in TPI-LLM (arXiv 2410.00531, section 3.2): star 2, mesh 1,
 * ring 2(N-1), two-level tree 4.
 */
export function groupLinks({ ways, valueBytes }: ClusterProblem, group: readonly number[]): GroupLinks {
  const way = (from: number, to: number): Way | undefined => ways[group[from] ?? -1]?.[group[to] ?? -1];
  const ranks = group.length;
  const all = Array.from({ length: ranks }, (_, rank) => rank);
  const gather = (to: number, from: readonly number[], bytes: (rank: number) => number) =>
    hopMs(from.flatMap((rank) => (rank === to ? [] : [{ way: way(rank, to), bytes: bytes(rank) }])));
  const spread = (from: number, to: readonly number[], bytes: number) =>
    hopMs(to.flatMap((rank) => (rank === from ? [] : [{ way: way(from, rank), bytes }])));
  const clusters = inClusters(all);
  const leaders = clusters.flatMap(([leader]) => (leader === undefined ? [] : [leader]));
  const largest = Math.max(...clusters.map(({ length }) => length));
  const times: Record<ReduceTopology, (values: number) => number> = {
    star: (values) => {
      const bytes = values * valueBytes;
      return gather(0, all, () => bytes) + spread(0, all, bytes) + (ranks - 1) * values * addMs;
    },
    mesh: (values) => {
      const bytes = values * valueBytes;
      const most = Math.max(
        ...all.map((rank) =>
          Math.max(
            gather(rank, all, () => bytes),
            spread(rank, all, bytes),
          ),
        ),
      );
      return most + (ranks - 1) * values * addMs;
    },
    ring: (values) => {
      const part = values / ranks;
      const step = Math.max(...all.map((rank) => spread(rank, [(rank + 1) % ranks], part * valueBytes)));
      return 2 * (ranks - 1) * step + (ranks - 1) * part * addMs;
    },
    tree: (values) => {
      const bytes = values * valueBytes;
      const within = clusters.map(([leader = 0, ...others]) => ({
        up: gather(leader, others, () => bytes),
        down: spread(leader, others, bytes),
      }));
      const up = Math.max(...within.map((times) => times.up));
      const down = Math.max(...within.map((times) => times.down));
      const between = gather(0, leaders, () => bytes) + spread(0, leaders, bytes);
      return up + between + down + (largest - 1 + leaders.length - 1) * values * addMs;
    },
  };
  return {
    reduce(values) {
      const [first, ...others] = reduceTopologies.map((topology) => ({ topology, ms: times[topology](values) }));
      return others.reduce(
        (best, next) => (next.ms < best.ms ? next : best),
        first as { topology: 'star'; ms: number },
      );
    },
    broadcastMs: (bytes) => spread(0, all, bytes),
    collectMs: (bytes) =>
      gather(
        0,
        all.filter((rank) => (bytes[rank] ?? 0) > 0),
        (rank) => bytes[rank] ?? 0,
      ),
  };
}

/** One message from one device to another; infinite if there is no way. */
export function messageMs(way: Way | undefined, bytes: number): number {
  return way === undefined ? Infinity : way.fixedMs + (1000 * bytes) / way.bytesPerS;
}

/** Messages at once over one device's connection: the longest delay, and all the bytes. */
function hopMs(messages: readonly { readonly way: Way | undefined; readonly bytes: number }[]): number {
  const delay = Math.max(0, ...messages.map(({ way }) => way?.fixedMs ?? Infinity));
  return messages.reduce((ms, { way, bytes }) => ms + (1000 * bytes) / (way?.bytesPerS ?? Infinity), delay);
}

/** The two levels of a tree: runs of about as many ranks as there are runs; the first of each leads it. */
function inClusters(ranks: readonly number[]): number[][] {
  const size = Math.ceil(Math.sqrt(ranks.length));
  const clusters: number[][] = [];
  for (let from = 0; from < ranks.length; from += size) clusters.push(ranks.slice(from, from + size));
  return clusters;
}
