import { type DeviceId, deviceId, type FleetId, fleetId } from './ids.js';

/** Version of topics and payloads. */
const version = 1;

/**
 * What a device says (`presence`, `state`, `telemetry`, `reply`) and what a server tells it (`desired`, `peers`, `lease`,
 * `command`). Retained are `presence`, `state`, `desired` and `peers`: whoever comes later sees them.
 */
export const deviceChannels = [
  'presence',
  'state',
  'telemetry',
  'reply',
  'desired',
  'peers',
  'lease',
  'command',
] as const;
export type DeviceChannel = (typeof deviceChannels)[number];

/** The channels that the device itself writes; the others are the servers'. */
export const ownChannels: readonly DeviceChannel[] = ['presence', 'state', 'telemetry', 'reply'];

/** The channels that the broker keeps the last message of. */
export const retainedChannels: readonly DeviceChannel[] = ['presence', 'state', 'desired', 'peers'];

/** The topic of one channel of one device. @example topicOf(fleet, device, 'presence') // cutpoint/1/home/devices/pi-1/presence */
export function topicOf(fleet: FleetId, device: DeviceId, channel: DeviceChannel): string {
  return `cutpoint/${version}/${fleet}/devices/${device}/${channel}`;
}

/** The filter for one channel of all devices. */
export function everyDevice(fleet: FleetId, channel: DeviceChannel): string {
  return `cutpoint/${version}/${fleet}/devices/+/${channel}`;
}

/** Where the mqtt transport carries frames to a device: `from` is part of it, so that nobody can speak for another. */
export function tensorTopic(fleet: FleetId, to: DeviceId, from: DeviceId): string {
  return `cutpoint/${version}/${fleet}/tensors/${to}/${from}`;
}

/** The filter for all frames to a device. */
export function tensorsFor(fleet: FleetId, to: DeviceId): string {
  return `cutpoint/${version}/${fleet}/tensors/${to}/+`;
}

/** What a topic is about. */
export type TopicParts =
  | { readonly kind: 'channel'; readonly fleet: FleetId; readonly device: DeviceId; readonly channel: DeviceChannel }
  | { readonly kind: 'tensors'; readonly fleet: FleetId; readonly to: DeviceId; readonly from: DeviceId };

/** Takes a topic apart; undefined if it is none of this version, or names nothing that could be a device. */
export function readTopic(topic: string): TopicParts | undefined {
  const [root, number, fleetName, kind, first, second, ...more] = topic.split('/');
  if (root !== 'cutpoint' || number !== String(version) || more.length > 0) return undefined;
  const fleet = fleetId.safeParse(fleetName).data;
  const device = deviceId.safeParse(first).data;
  if (fleet === undefined || device === undefined) return undefined;
  if (kind === 'devices') {
    const channel = deviceChannels.find((name) => name === second);
    return channel && { kind: 'channel', fleet, device, channel };
  }
  const from = deviceId.safeParse(second).data;
  return kind === 'tensors' && from !== undefined ? { kind: 'tensors', fleet, to: device, from } : undefined;
}

/** The start of all topics of a fleet. */
export function fleetRoot(fleet: FleetId): string {
  return `cutpoint/${version}/${fleet}/`;
}
