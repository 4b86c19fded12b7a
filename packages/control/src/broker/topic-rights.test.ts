import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DeviceId, deviceId, type FleetId, fleetId } from '../ids.js';
import { deviceChannels, ownChannels, tensorTopic, topicOf } from '../topics.js';
import { type BrokerIdentity, mayPublish, mayRetain, maySubscribe } from './topic-rights.js';

const [home, other] = ['home', 'other'].map((name) => fleetId.parse(name)) as [FleetId, FleetId];
const devices = ['pi-1', 'pi-2', 'pi-10', 'srv-1'].map((name) => deviceId.parse(name));
const fleets = fc.constantFrom(home, other);
const device = fc.constantFrom(...devices);
const identity = fc.record({ fleet: fleets, device, role: fc.constantFrom('agent' as const, 'server' as const) });

/** Real topics, and such that somebody would try: wildcards, empty and foreign levels, one level more or less. */
const level = fc.constantFrom('cutpoint', '1', 'home', 'other', 'devices', 'tensors', '+', '#', '', '$SYS', '%u', '..');
const names = fc.constantFrom(...devices, ...deviceChannels);
const attempt = fc.oneof(
  fc.tuple(fleets, device, fc.constantFrom(...deviceChannels)).map(([f, d, c]) => topicOf(f, d, c)),
  fc.tuple(fleets, device, device).map(([f, to, from]) => tensorTopic(f, to, from)),
  fc.array(fc.oneof(level, names), { minLength: 1, maxLength: 8 }).map((levels) => levels.join('/')),
  fc
    .tuple(fleets, fc.constantFrom('devices', 'tensors'), fc.array(fc.oneof(level, names), { maxLength: 3 }))
    .map(([f, kind, rest]) => ['cutpoint', '1', f, kind, ...rest].join('/')),
);

/** How brokers match (MQTT 3.1.1, section 4.7). */
function matches(filter: string, topic: string): boolean {
  const levels = topic.split('/');
  const parts = filter.split('/');
  if (topic.startsWith('$') && /^[+#]/.test(filter)) return false;
  for (const [i, part] of parts.entries()) {
    if (part === '#') return true;
    if (levels[i] === undefined || (part !== '+' && part !== levels[i])) return false;
  }
  return parts.length === levels.length;
}

const everyTopic = [home, other].flatMap((fleet) =>
  devices.flatMap((one) => [
    ...deviceChannels.map((channel) => ({ fleet, about: one, channel, topic: topicOf(fleet, one, channel) })),
    ...devices.map((from) => ({ fleet, about: one, from, channel: 'tensors', topic: tensorTopic(fleet, one, from) })),
  ]),
);

describe('the rights of a device', () => {
  it('are to publish on its own channels and its own tensors, and nowhere else', () => {
    fc.assert(
      fc.property(identity, attempt, (who, topic) => {
        if (!mayPublish(who, topic)) return;
        expect(topic).not.toMatch(/[+#]/);
        expect(topic.startsWith(`cutpoint/1/${who.fleet}/`)).toBe(true);
        if (who.role === 'server') return;
        const found = everyTopic.find((one) => one.topic === topic);
        // Tensors go to anybody, from itself alone.
        if (topic.split('/')[3] === 'tensors') {
          expect(topic.split('/')[5]).toBe(who.device);
          return;
        }
        expect(found?.about).toBe(who.device);
        expect(ownChannels).toContain(found?.channel);
      }),
      { numRuns: 5_000 },
    );
  });

  it('are to hear what it is told and tensors for it, whatever filter it asks with', () => {
    fc.assert(
      fc.property(identity, attempt, (who, filter) => {
        if (!maySubscribe(who, filter)) return;
        for (const { fleet, about, channel } of everyTopic.filter(({ topic }) => matches(filter, topic))) {
          expect(fleet).toBe(who.fleet);
          if (who.role === 'server') continue;
          expect(about).toBe(who.device);
          expect(ownChannels).not.toContain(channel);
        }
        expect(matches(filter, '$SYS/broker/clients')).toBe(false);
      }),
      { numRuns: 5_000 },
    );
  });

  it('suffice for its work', () => {
    const [me, peer] = devices as [DeviceId, DeviceId];
    const who: BrokerIdentity = { fleet: home, device: me, role: 'agent' };
    for (const channel of ownChannels) expect(mayPublish(who, topicOf(home, me, channel))).toBe(true);
    for (const channel of ['desired', 'lease', 'command'] as const) {
      expect(maySubscribe(who, topicOf(home, me, channel))).toBe(true);
    }
    expect(mayPublish(who, tensorTopic(home, peer, me))).toBe(true);
    expect(maySubscribe(who, `cutpoint/1/home/tensors/${me}/+`)).toBe(true);
    expect(maySubscribe(who, tensorTopic(home, me, peer))).toBe(true);
  });

  it('keep only presence, state, what is desired and where others are at the broker', () => {
    const kept = everyTopic.filter(({ topic }) => mayRetain(topic)).map(({ channel }) => channel);
    expect(new Set(kept)).toEqual(new Set(['presence', 'state', 'desired', 'peers']));
  });
});
