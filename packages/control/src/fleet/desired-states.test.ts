import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DeviceId, deviceId, generation } from '../ids.js';
import { DesiredStates } from './desired-states.js';

const [one, two] = ['pi-1', 'pi-2'].map((name) => deviceId.parse(name)) as [DeviceId, DeviceId];
const desiredOf = (number: number) => ({ generation: generation.parse(number), assignments: [] });

describe('desired states', () => {
  it('of two servers over one broker become the same, the newest, whatever order they deploy and reconnect in', () => {
    const step = fc.record({ server: fc.nat(1), device: fc.constantFrom(one, two), reconnect: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), fc.array(fc.boolean()), (steps, lost) => {
        const servers = [new DesiredStates(10), new DesiredStates(10)] as const;
        const broker = new Map<DeviceId, number>();
        const deliver = () => {
          for (const [device, number] of broker) {
            for (const server of servers) {
              if (server.delivered(device, desiredOf(number)) !== 'outdated') continue;
              broker.set(device, server.generationOf(device));
            }
          }
        };
        steps.forEach(({ server, device, reconnect }, i) => {
          const setter = servers[server as 0 | 1];
          if (reconnect) {
            setter.disconnected();
            if (lost[i]) broker.delete(device);
            for (const known of broker.keys()) setter.delivered(known, desiredOf(broker.get(known) ?? 0));
            for (const missing of setter.missingOnBroker()) broker.set(missing, setter.generationOf(missing));
          } else {
            const next = setter.next();
            for (const other of [one, two]) expect(next).toBeGreaterThan(setter.generationOf(other));
            setter.set(device, desiredOf(next));
            broker.set(device, next);
          }
          deliver();
          deliver();
        });
        for (const device of [one, two]) {
          if (!broker.has(device)) continue;
          const newest = Math.max(...servers.map((server) => server.generationOf(device)));
          expect(broker.get(device)).toBe(newest);
          expect(servers.map((server) => server.generationOf(device))).toEqual([newest, newest]);
        }
      }),
    );
  });

  it('never take a generation twice or backwards, nor one that a device was heard to act on', () => {
    const states = new DesiredStates(2);
    states.set(one, desiredOf(3));
    expect(() => states.set(one, desiredOf(3))).toThrow(expect.objectContaining({ code: 'CUT_STALE' }));
    states.reported(one, generation.parse(9));
    expect(states.next()).toBe(10);
    states.set(two, desiredOf(10));
    const third = deviceId.parse('pi-3');
    expect(() => states.set(third, desiredOf(11))).toThrow(expect.objectContaining({ code: 'CUT_OVERLOADED' }));
    states.forget(one);
    states.set(third, desiredOf(11));
    expect(states.generationOf(one)).toBe(0);
  });

  it('do not believe a device or a broker that names a generation far ahead', () => {
    const states = new DesiredStates(2);
    states.set(one, desiredOf(3));
    const unbelieved = expect.objectContaining({ code: 'CUT_INPUT', message: expect.stringContaining(`${two}`) });
    expect(() => states.reported(two, generation.parse(Number.MAX_SAFE_INTEGER))).toThrow(unbelieved);
    expect(() => states.delivered(two, desiredOf(Number.MAX_SAFE_INTEGER))).toThrow(unbelieved);
    expect(states.next()).toBe(4);
    expect(states.get(two)).toBeUndefined();
    const longLived = new DesiredStates(2, 5_000_000);
    longLived.reported(one, generation.parse(5_000_007));
    expect(longLived.next()).toBe(5_000_008);
  });

  it('say when there are no more generations', () => {
    const states = new DesiredStates(2);
    states.set(one, desiredOf(Number.MAX_SAFE_INTEGER));
    expect(() => states.next()).toThrow(expect.objectContaining({ code: 'CUT_DEPLOYMENT' }));
  });
});
