import type { DeviceId, SessionId } from '../ids.js';
import type { Presence, ReportedState, Telemetry } from '../messages.js';

/**
 * `online`: it beats. `silent`: it has said no goodbye, but its beats are missing (stopped, half dead, or the link is).
 * `offline`: it said goodbye, the broker lost it, or it has been silent for long.
 */
export type DeviceStatus = 'online' | 'silent' | 'offline';

type Announced = Extract<Presence, { online: true }>;

/** What is known of one device. Times are in ms on a clock that never goes back. */
export interface DeviceRecord {
  readonly device: DeviceId;
  readonly announced: Announced;
  readonly status: DeviceStatus;
  readonly statusSinceMs: number;
  readonly lastHeardMs: number;
  /** The presence that the broker keeps is not that of this session: it has to be announced again. */
  readonly hidden: boolean;
  readonly telemetry?: Telemetry;
  readonly reported?: ReportedState;
  /** Sessions before this one, newest first. */
  readonly former: readonly SessionId[];
}

/** How long beats may be missing. */
export interface Patience {
  readonly silentAfterMs: number;
  readonly offlineAfterMs: number;
}

const formerKept = 4;

/** A presence arrived. Retained ones are old news: the device counts as silent until it beats. */
export function withPresence(
  record: DeviceRecord | undefined,
  { device, presence, retained, nowMs }: { device: DeviceId; presence: Presence; retained: boolean; nowMs: number },
): DeviceRecord | undefined {
  if (!presence.online) {
    // The will of an earlier session, which came late.
    if (record === undefined || record.announced.session !== presence.session) return record;
    return { ...inStatus(record, 'offline', nowMs), hidden: true };
  }
  if (record?.announced.session === presence.session) {
    const known = { ...record, announced: presence, hidden: false };
    return retained ? known : { ...inStatus(known, 'online', nowMs), lastHeardMs: nowMs };
  }
  const former = record === undefined ? [] : [record.announced.session, ...record.former].slice(0, formerKept);
  return {
    device,
    announced: presence,
    status: retained ? 'silent' : 'online',
    statusSinceMs: nowMs,
    lastHeardMs: nowMs,
    hidden: false,
    former,
  };
}

/** A beat arrived; undefined if it is of another session, or none that is newer than the last. */
export function withTelemetry(record: DeviceRecord, telemetry: Telemetry, nowMs: number): DeviceRecord | undefined {
  const { announced, telemetry: last } = record;
  if (telemetry.session !== announced.session || (last !== undefined && telemetry.beat <= last.beat)) return undefined;
  return { ...inStatus(record, 'online', nowMs), telemetry, lastHeardMs: nowMs };
}

/** A report arrived; undefined if it is of another session. */
export function withReport(record: DeviceRecord, reported: ReportedState): DeviceRecord | undefined {
  return reported.session === record.announced.session ? { ...record, reported } : undefined;
}

/** Time went by. */
export function withTime(
  record: DeviceRecord,
  { silentAfterMs, offlineAfterMs }: Patience,
  nowMs: number,
): DeviceRecord {
  const quietMs = nowMs - record.lastHeardMs;
  if (record.status !== 'offline' && quietMs >= offlineAfterMs) return inStatus(record, 'offline', nowMs);
  if (record.status === 'online' && quietMs >= silentAfterMs) return inStatus(record, 'silent', nowMs);
  return record;
}

/** True if the session was there before another one: two daemons take turns under one name. */
export function cameBack(record: DeviceRecord | undefined, session: SessionId): boolean {
  return record !== undefined && record.announced.session !== session && record.former.includes(session);
}

function inStatus(record: DeviceRecord, status: DeviceStatus, nowMs: number): DeviceRecord {
  return record.status === status ? record : { ...record, status, statusSinceMs: nowMs };
}
