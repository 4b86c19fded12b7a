import type { DeviceId, FleetId } from './ids.js';

/** Version of topics and payloads. */
const version = 1;

/**
 * What a device says (`presence`, `state`, `telemetry`, `reply`) and what a server tells it (`desired`, `lease`,
 * `command`). Retained are `presence`, `state` and `desired`: whoever comes later sees them.
 */
export const deviceChannels = ['presence', 'state', 'telemetry', 'reply', 'desired', 'lease', 'command'] as const;
export type DeviceChannel = (typeof deviceChannels)[number];

/** The channels that the device itself writes; the others are the servers'. */
export const ownChannels: readonly DeviceChannel[] = ['presence', 'state', 'telemetry', 'reply'];

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
