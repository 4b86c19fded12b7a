import { type Payload, payloads, type Topology, topologies } from './rank-group.js';

/** The kinds of messages; those of all-reduces also say how these are done, so that ranks which do not agree notice. */
export const messageKinds = { broadcast: 1, contribution: 2, probe: 3 } as const;

const firstReduce = 16;

export function reduceKind(topology: Topology, payload: Payload): number {
  return firstReduce + topologies.indexOf(topology) * payloads.length + payloads.indexOf(payload);
}

export function isReduce(kind: number): boolean {
  return kind >= firstReduce;
}

/** In words, with an article. */
export function describeKind(kind: number): string {
  if (kind === messageKinds.broadcast) return 'a broadcast';
  if (kind === messageKinds.contribution) return 'a contribution';
  if (kind === messageKinds.probe) return 'a probe';
  const topology = topologies[Math.floor((kind - firstReduce) / payloads.length)];
  const payload = payloads[(kind - firstReduce) % payloads.length];
  if (topology === undefined || payload === undefined) return `something of the unknown kind ${kind}`;
  return `part of an all-reduce (${topology}, ${payload})`;
}
