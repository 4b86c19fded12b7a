import type { Floats } from '../payload.js';
import type { ReduceCall } from './reduce-call.js';
import { sumInOrder } from './sum.js';

/** Where a rank stands in a tree; rank 0 is its root. */
export interface TreePlace {
  readonly parent: number | undefined;
  /** In the order in which they are added. */
  readonly children: readonly number[];
}

/** All send to rank 0, which adds up by rank and sends the sum back: two hops. */
export async function star(call: ReduceCall, values: Floats): Promise<void> {
  await upAndDown(call, values, treePlace(call.rank, call.ranks, 1));
}

/** All send to the first of their neighbourhood, and these to rank 0, and the sum comes back the same way: four hops. */
export async function tree(call: ReduceCall, values: Floats): Promise<void> {
  await upAndDown(call, values, treePlace(call.rank, call.ranks, neighbourhoodOf(call.ranks)));
}

/** How many neighbours share a first in a tree of two levels: the number that leaves the fewest children to any rank. */
export function neighbourhoodOf(ranks: number): number {
  return Math.max(1, Math.round(Math.sqrt(ranks)));
}

/** The place in a tree of neighbourhoods of so many ranks, the last of which may be smaller. */
export function treePlace(rank: number, ranks: number, neighbourhood: number): TreePlace {
  const firstOfMine = rank - (rank % neighbourhood);
  if (rank !== firstOfMine) return { parent: firstOfMine, children: [] };
  const all = Array.from({ length: ranks }, (_, other) => other);
  const neighbours = all.slice(rank + 1, rank + neighbourhood);
  if (rank > 0) return { parent: 0, children: neighbours };
  return {
    parent: undefined,
    children: [...neighbours, ...all.slice(1).filter((other) => other % neighbourhood === 0)],
  };
}

async function upAndDown(call: ReduceCall, values: Floats, { parent, children }: TreePlace): Promise<void> {
  const count = values.length;
  const parts = await Promise.all(children.map((child) => call.receive(child, count)));
  if (parts.length > 0) sumInOrder([values, ...parts.map((part) => call.valuesOf(part, count))], values);
  const own = call.carry(values);
  if (parent !== undefined) call.send(own, parent);
  const sum = parent === undefined ? own : await call.receive(parent, count);
  for (const child of children) call.send(sum, child);
  values.set(call.valuesOf(sum, count));
}
