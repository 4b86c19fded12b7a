import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deviceId, sessionId } from '../ids.js';
import type { Presence, Telemetry } from '../messages.js';
import { cameBack, type DeviceRecord, withPresence, withReport, withTelemetry, withTime } from './device-record.js';

const device = deviceId.parse('pi-1');
const sessions = ['a', 'b', 'c'].map((letter) => sessionId.parse(letter.repeat(32)));
const facts = { version: '0', platform: 'test', cpuModel: 'none', cores: 1, memoryBytes: 1 };
const patience = { silentAfterMs: 3_500, offlineAfterMs: 60_000 };
const session = fc.constantFrom(...sessions);

const event = fc.oneof(
  fc.record({ kind: fc.constant('hello' as const), session, retained: fc.boolean() }),
  fc.record({ kind: fc.constant('goodbye' as const), session, retained: fc.boolean() }),
  fc.record({ kind: fc.constant('beat' as const), session, beat: fc.nat(50) }),
  fc.record({ kind: fc.constant('time' as const), passMs: fc.nat(80_000) }),
);

function presenceOf(kind: 'hello' | 'goodbye', one: (typeof sessions)[number]): Presence {
  if (kind === 'goodbye') return { online: false, session: one };
  return { online: true, session: one, role: 'agent', addresses: [], facts };
}

function beatOf(one: (typeof sessions)[number], beat: number): Telemetry {
  const requests = { done: 0, failed: 0, underWay: 0 };
  return { session: one, beat, memoryBytes: 0, freeMemoryBytes: 0, cpuShare: 0, requests, links: [] };
}

describe('what is known of a device', () => {
  it('follows the newest session and its beats, in whatever order presences and beats come', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), (events) => {
        let record: DeviceRecord | undefined;
        let nowMs = 0;
        let newest: string | undefined;
        let heardAtMs = 0;
        for (const one of events) {
          const before: DeviceRecord | undefined = record;
          if (one.kind === 'time') {
            nowMs += one.passMs;
            record = record && withTime(record, patience, nowMs);
          } else if (one.kind === 'beat') {
            const heard: DeviceRecord | undefined =
              record && withTelemetry(record, beatOf(one.session, one.beat), nowMs);
            const fresh = one.session === newest && one.beat > (before?.telemetry?.beat ?? -1);
            expect(heard !== undefined).toBe(fresh);
            if (heard !== undefined) {
              expect(heard.status).toBe('online');
              heardAtMs = nowMs;
              record = heard;
            }
          } else {
            const presence = presenceOf(one.kind, one.session);
            record = withPresence(record, { device, presence, retained: one.retained, nowMs });
            if (one.kind === 'goodbye' && one.session !== newest) expect(record).toBe(before);
            if (one.kind === 'goodbye' && one.session === newest) expect(record?.status).toBe('offline');
            if (one.kind === 'hello') {
              if (one.session !== newest || !one.retained) heardAtMs = nowMs;
              newest = one.session;
            }
          }
          expect(record?.announced.session).toBe(newest);
          if (one.kind !== 'time' || record === undefined) continue;
          if (record.status === 'online') expect(nowMs - heardAtMs).toBeLessThan(patience.silentAfterMs);
          if (nowMs - heardAtMs >= patience.offlineAfterMs) expect(record.status).toBe('offline');
          expect(record.former.length).toBeLessThanOrEqual(4);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('tells a name that two daemons share, and drops reports of another session', () => {
    const [a, b, c] = sessions as [(typeof sessions)[0], (typeof sessions)[0], (typeof sessions)[0]];
    const hello = (one: typeof a, record?: DeviceRecord) =>
      withPresence(record, { device, presence: presenceOf('hello', one), retained: false, nowMs: 0 });
    const second = hello(b, hello(a));
    expect(cameBack(second, a)).toBe(true);
    expect(cameBack(second, b)).toBe(false);
    expect(cameBack(second, c)).toBe(false);
    expect(second && withReport(second, { session: a, assignments: [] })).toBeUndefined();
    expect(second && withReport(second, { session: b, assignments: [] })?.reported?.session).toBe(b);
  });
});
