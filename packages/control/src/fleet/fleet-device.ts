import type { DeviceId, Generation, SessionId } from '../ids.js';
import type { DeviceFacts, ReportedState, Telemetry } from '../messages.js';
import type { DeviceRecord, DeviceStatus } from './device-record.js';

/** A device as the fleet shows it. */
export interface FleetDevice {
  readonly device: DeviceId;
  readonly role: 'agent' | 'server';
  readonly status: DeviceStatus;
  /** How long it has been in this status. */
  readonly statusMs: number;
  /** How long ago it was last heard. */
  readonly quietMs: number;
  readonly session: SessionId;
  readonly addresses: readonly string[];
  readonly facts: DeviceFacts;
  readonly telemetry: Telemetry | undefined;
  readonly reported: ReportedState | undefined;
  readonly desired: Generation | undefined;
}

/** What a record shows at this time. */
export function fleetDeviceOf(record: DeviceRecord, desired: Generation | undefined, nowMs: number): FleetDevice {
  const { device, announced, status, statusSinceMs, lastHeardMs, telemetry, reported } = record;
  const { role, session, addresses, facts } = announced;
  return {
    device,
    role,
    status,
    statusMs: nowMs - statusSinceMs,
    quietMs: nowMs - lastHeardMs,
    session,
    addresses,
    facts,
    telemetry,
    reported,
    desired,
  };
}
