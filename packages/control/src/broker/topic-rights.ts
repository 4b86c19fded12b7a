import type { DeviceId, FleetId } from '../ids.js';
import { fleetRoot, ownChannels, readTopic, retainedChannels, tensorsFor } from '../topics.js';

/** Who a client of the broker is, by its certificate or, on loopback, by what it says. */
export interface BrokerIdentity {
  readonly fleet: FleetId;
  readonly device: DeviceId;
  readonly role: 'agent' | 'server';
}

/**
 * True if the client may publish to this topic: a server anywhere in its fleet, a device on its own channels and, as
 * itself, to the tensors of others.
 */
export function mayPublish({ fleet, device, role }: BrokerIdentity, topic: string): boolean {
  const parts = readTopic(topic);
  if (parts === undefined || parts.fleet !== fleet) return false;
  if (role === 'server') return true;
  if (parts.kind === 'tensors') return parts.from === device;
  return parts.device === device && ownChannels.includes(parts.channel);
}

/**
 * True if the client may subscribe to this filter: a server to anything in its fleet, a device to what it is told
 * (desired, lease, command) and to tensors for it.
 */
export function maySubscribe({ fleet, device, role }: BrokerIdentity, filter: string): boolean {
  if (role === 'server') return filter.startsWith(fleetRoot(fleet));
  if (filter === tensorsFor(fleet, device)) return true;
  const parts = readTopic(filter);
  if (parts === undefined || parts.fleet !== fleet) return false;
  if (parts.kind === 'tensors') return parts.to === device;
  return parts.device === device && !ownChannels.includes(parts.channel);
}

/** True if the broker keeps the last message of this topic for those that come later. */
export function mayRetain(topic: string): boolean {
  const parts = readTopic(topic);
  return parts?.kind === 'channel' && retainedChannels.includes(parts.channel);
}
