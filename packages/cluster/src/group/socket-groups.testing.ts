import { randomBytes } from 'node:crypto';
import { DataPort } from './data-port.js';
import { type GroupOptions, openGroup, type SocketGroup } from './group.js';
import type { Payload, ReduceRule, Topology } from './rank-group.js';

/** The same for all-reduces of any size. */
export function always(topology: Topology, payload: Payload = 'f32'): ReduceRule[] {
  return [{ mostBytes: Number.POSITIVE_INFINITY, topology, payload }];
}

export type SharedOptions = Omit<GroupOptions, 'rank' | 'addresses'>;

export function sharedOptions(ranks: number, rules: readonly ReduceRule[], encrypts = false): SharedOptions {
  const secret = { id: randomBytes(16), key: randomBytes(32) };
  return { ranks, secret, encrypts, rules, wait: 'sleep', openWithinMs: 10_000 };
}

/** All ranks of a group over loopback, in one thread. */
export async function socketGroups(options: SharedOptions): Promise<SocketGroup[]> {
  const ports = await openPorts(options.ranks);
  const addresses = ports.map(({ address }) => address);
  return await Promise.all(ports.map((port, rank) => openGroup(port, { ...options, rank, addresses })));
}

export async function openPorts(ranks: number): Promise<DataPort[]> {
  return await Promise.all(Array.from({ length: ranks }, () => DataPort.open({ host: '127.0.0.1', port: 0 })));
}

/** Runs a step with all ranks of a group, which is closed afterwards. */
export async function withGroups<T>(
  options: SharedOptions,
  step: (groups: readonly SocketGroup[]) => Promise<T>,
): Promise<T> {
  const groups = await socketGroups(options);
  try {
    return await step(groups);
  } finally {
    await Promise.all(groups.map((group) => group[Symbol.asyncDispose]()));
  }
}
