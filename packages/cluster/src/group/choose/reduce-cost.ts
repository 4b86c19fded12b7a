import { neighbourhoodOf, type TreePlace, treePlace } from '../all-reduce/tree.js';
import { payloadCoders } from '../payload.js';
import type { Payload, Topology } from '../rank-group.js';
import { type GroupMeasures, pairOf } from './measures.js';

/** What a core adds up, and makes a payload of or reads it, per millisecond, in bytes of f32: measured on slow cores. */
const sumBytesPerMs = 1e6;
const codeBytesPerMs: Readonly<Record<Payload, number>> = { f32: 4e6, f16: 0.8e6, i8: 0.3e6 };

/**
 * Milliseconds of an all-reduce, from when all ranks begin until the last has the sum. Each hop takes half a round trip and
 * the bytes that one rank sends or hears in it, one message behind the other; then come sums and the payload's arithmetic.
 * @param bytes of f32.
 */
export function reduceMs(topology: Topology, payload: Payload, bytes: number, measures: GroupMeasures): number {
  const { ranks } = measures;
  if (ranks === 1) return 0;
  const carried = {
    bytes,
    carriedBytes: payloadCoders[payload].bytesOf(bytes / 4),
    codeMs: bytes / codeBytesPerMs[payload],
  };
  switch (topology) {
    case 'mesh':
      return meshMs(carried, measures);
    case 'star':
      return treeMs(carried, measures, 1);
    case 'tree':
      return treeMs(carried, measures, neighbourhoodOf(ranks));
    case 'ring':
      return ringMs(carried, measures);
  }
}

interface Carried {
  readonly bytes: number;
  readonly carriedBytes: number;
  /** Of making or reading one payload. */
  readonly codeMs: number;
}

function meshMs({ bytes, carriedBytes, codeMs }: Carried, measures: GroupMeasures): number {
  const all = Array.from({ length: measures.ranks }, (_, rank) => rank);
  const hops = all.map((rank) => hopMs(rank, without(all, rank), carriedBytes, measures));
  const others = measures.ranks - 1;
  return Math.max(...hops) + (others * bytes) / sumBytesPerMs + (1 + measures.ranks) * codeMs;
}

function treeMs({ bytes, carriedBytes, codeMs }: Carried, measures: GroupMeasures, neighbourhood: number): number {
  const places = Array.from({ length: measures.ranks }, (_, rank) => treePlace(rank, measures.ranks, neighbourhood));
  const level = (rank: number, { children }: TreePlace, adds: boolean): number => {
    if (children.length === 0) return 0;
    const work = adds ? children.length * (bytes / sumBytesPerMs + codeMs) + codeMs : codeMs;
    return hopMs(rank, children, carriedBytes, measures) + work;
  };
  const below = (adds: boolean) => Math.max(0, ...places.slice(1).map((place, i) => level(i + 1, place, adds)));
  const top = (adds: boolean) => level(0, places[0] ?? { parent: undefined, children: [] }, adds);
  // The first message of a payload is made by those at the bottom.
  return codeMs + below(true) + top(true) + top(false) + below(false);
}

function ringMs({ bytes, carriedBytes, codeMs }: Carried, measures: GroupMeasures): number {
  const { ranks } = measures;
  const hops = Array.from({ length: ranks }, (_, rank) =>
    hopMs(rank, [(rank + 1) % ranks], carriedBytes / ranks, measures),
  );
  const steps = ranks - 1;
  const work = (steps * (bytes / sumBytesPerMs + 3 * codeMs)) / ranks + codeMs / ranks;
  return 2 * steps * Math.max(...hops) + work;
}

/** One rank sends to others at once, or hears them. */
function hopMs(rank: number, others: readonly number[], bytes: number, measures: GroupMeasures): number {
  const pairs = others.map((other) => pairOf(measures, rank, other));
  const halves = pairs.map(({ roundTripMs }) => roundTripMs / 2);
  return Math.max(...halves) + pairs.reduce((sum, { bytesPerMs }) => sum + bytes / bytesPerMs, 0);
}

function without(all: readonly number[], rank: number): number[] {
  return all.filter((other) => other !== rank);
}
