import type { CutList } from '@cutpoint/graph';
import { assumedByteMs, makeNodeCosts, noWork, type Work, workKinds } from './node-costs.js';

/**
 * What a segment costs beside its nodes: a call to its worker, bringing crossing tensors out and in, and nodes that a
 * cut severs from those they would be computed with. In assumed milliseconds.
 */
export const sideKinds = ['call', 'bytesOut', 'bytesIn', 'severed'] as const;

/** A segment before or behind a cut: what its nodes do, and what comes on top. */
export interface SegmentCosts {
  readonly work: Work;
  readonly side: readonly number[];
}

/** The segments before and behind one cut. */
export interface CutCosts {
  readonly front: SegmentCosts;
  readonly back: SegmentCosts;
}

/** A round trip to a worker thread on a middling processor, measured as 0.1 ms. */
const callMs = 0.1;

/** Costs of the segments at each cut, by cut index, in assumed milliseconds by kind. */
export function cutCosts({ graph, order, shapes, cuts }: CutList): readonly CutCosts[] {
  const costs = makeNodeCosts(graph, shapes);
  const nodes = order.map((index) => graph.nodes[index]).filter((node) => node !== undefined);
  const before: Work[] = [noWork];
  for (const node of nodes) before.push(sum(before.at(-1) ?? noWork, costs.of(node)));
  const total = before.at(-1) ?? noWork;
  const places = new Map(nodes.flatMap(({ gives }, place) => gives.map((value) => [value, place])));
  const severed = cuts.map(() => 0);
  for (const [place, node] of nodes.entries()) {
    if (!costs.isFused(node)) continue;
    const given = Math.max(...node.needs.map((value) => places.get(value) ?? -1));
    for (const { index, position } of cuts) {
      if (given < position && position <= place) severed[index] = (severed[index] ?? 0) + costs.movedBytes(node);
    }
  }
  return cuts.map(({ index, position, bytes }) => {
    const work = before[position] ?? total;
    const copyMs = bytes * 2 * assumedByteMs;
    const isFirst = position === 0;
    const isLast = position === nodes.length;
    const idle = { work: noWork, side: [0, 0, 0, 0] };
    return {
      front: isFirst ? idle : { work, side: [callMs, isLast ? 0 : copyMs, 0, 0] },
      back: isLast
        ? idle
        : {
            work: difference(total, work),
            side: [callMs, 0, isFirst ? 0 : copyMs, (severed[index] ?? 0) * assumedByteMs],
          },
    };
  });
}

/** Costs of the segment between two inner cuts. */
export function costsBetween(costs: readonly CutCosts[], from: number, to: number): SegmentCosts | undefined {
  const [before, behind] = [costs[from], costs[to]];
  if (before === undefined || behind === undefined) return undefined;
  const [, bytesOut = 0] = behind.front.side;
  return {
    work: difference(behind.front.work, before.front.work),
    side: before.back.side.map((cost, kind) => (sideKinds[kind] === 'bytesOut' ? bytesOut : cost)),
  };
}

/** The assumed milliseconds of a segment. */
export function assumedTotalMs({ work, side }: SegmentCosts): number {
  return [...work, ...side].reduce((total, value) => total + value, 0);
}

function sum(a: Work, b: Work): Work {
  return workKinds.map((_, i) => (a[i] ?? 0) + (b[i] ?? 0));
}

function difference(a: Work, b: Work): Work {
  return workKinds.map((_, i) => Math.max(0, (a[i] ?? 0) - (b[i] ?? 0)));
}
