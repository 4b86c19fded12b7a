import { setTimeout as sleep } from 'node:timers/promises';
import { CutpointError } from '@cutpoint/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type BrokerKindUnderTest,
  connectTo,
  fleet,
  serverNames,
  type TestBroker,
  testBrokers,
  until,
} from '../brokers.testing.js';
import { type DeviceId, deviceId, generation, type SessionId } from '../ids.js';
import { type Member, type MemberOptions, newSession, startMember, willOf } from '../member/member.js';
import type { DesiredState } from '../messages.js';
import { topicOf } from '../topics.js';
import { Fleet, type FleetOptions } from './fleet.js';

const pi = deviceId.parse('pi-1');
const facts = { version: '0', platform: 'test', cpuModel: 'none', cores: 1, memoryBytes: 1 };
const idle = {
  memoryBytes: 1,
  freeMemoryBytes: 1,
  cpuShare: 0,
  requests: { done: 0, failed: 0, underWay: 0 },
  links: [],
};
const desiredOf = (number: number): DesiredState => ({ generation: generation.parse(number), assignments: [] });
const coded = (code: string) => expect.objectContaining({ code });

for (const kind of testBrokers) {
  describe.skipIf(kind.missing !== undefined)(`a fleet over ${kind.name}${leftOut(kind)}`, () => {
    let broker: TestBroker;
    let opened: AsyncDisposable[];
    let servers: number;
    beforeEach(async () => {
      broker = await kind.start();
      opened = [];
      servers = 0;
    });
    afterEach(async () => {
      for (const one of opened.reverse()) await one[Symbol.asyncDispose]();
      await broker[Symbol.asyncDispose]();
    });

    const keep = <T extends AsyncDisposable>(one: T): T => {
      opened.push(one);
      return one;
    };
    async function openFleet(options: Partial<FleetOptions> = {}) {
      const connection = keep(connectTo(broker, serverNames[servers++] ?? 'no more servers'));
      const problems: CutpointError[] = [];
      const view = keep(new Fleet(connection, { fleet, onProblem: (error) => problems.push(error), ...options }));
      await connection.untilUp(AbortSignal.timeout(20_000));
      return { view, connection, problems };
    }
    function join(options: Partial<MemberOptions> = {}) {
      const { device = pi, session = newSession() } = options;
      const connection = keep(connectTo(broker, device, { will: willOf(fleet, device, session) }));
      const heard: number[] = [];
      const member = keep(
        startMember(connection, {
          fleet,
          device,
          session,
          role: 'agent',
          addresses: ['ws://127.0.0.1:7401'],
          facts,
          measure: () => idle,
          onDesired: (desired) => void heard.push(desired.generation),
          onCommand: async () => [],
          onProblem: () => {},
          beatMs: 100,
          ...options,
        }),
      );
      return { member, connection, heard };
    }
    const statusOf = (view: Fleet, device: DeviceId = pi) => view.device(device)?.status;
    const follow = (member: Member, number: number) => member.mayAct(generation.parse(number));

    it('knows who is there, and what was known of them when they go', async () => {
      const { view } = await openFleet();
      const { member, connection } = join();
      await until('online', () => statusOf(view) === 'online' && view.device(pi)?.telemetry !== undefined);
      expect(view.devices()).toMatchObject([{ device: pi, role: 'agent', facts, addresses: ['ws://127.0.0.1:7401'] }]);
      member.announce(['ws://127.0.0.1:7999']);
      await until('new address', () => view.device(pi)?.addresses[0] === 'ws://127.0.0.1:7999');
      await member[Symbol.asyncDispose]();
      await connection[Symbol.asyncDispose]();
      await until('offline', () => statusOf(view) === 'offline');
    });

    it('sees devices that were there before it', async () => {
      const { member } = join();
      member.report({ assignments: [], active: generation.parse(3) });
      await sleep(500);
      const { view } = await openFleet();
      await until('online', () => statusOf(view) === 'online');
      await until('report', () => view.device(pi)?.reported?.active === 3);
      expect(view.nextGeneration()).toBe(4);
    });

    it('learns from the last will that a connection broke, and is not misled by one that comes late', async () => {
      const { view } = await openFleet();
      const session = newSession();
      const { member, connection } = join({ session });
      await until('online', () => statusOf(view) === 'online');
      const late = { online: false, session };
      await connection.publish(topicOf(fleet, pi, 'presence'), late, { acknowledged: true, retain: true });
      // It still beats: it is asked to announce itself again, so that those who come later see it as well.
      await until('back', () => statusOf(view) === 'online' && follow(member, 0));
      const second = await openFleet();
      await until('seen by another', () => statusOf(second.view) === 'online');
      const old = { online: false, session: newSession() };
      await connection.publish(topicOf(fleet, pi, 'presence'), old, { acknowledged: true });
      await sleep(200);
      expect(statusOf(view)).toBe('online');
    });

    it('calls a device silent whose beats are missing, and offline after longer', async () => {
      const { view } = await openFleet({ patience: { silentAfterMs: 600, offlineAfterMs: 2_000 } });
      join({ beatMs: 100_000 });
      await until('announced', () => statusOf(view) !== undefined);
      await until('silent', () => statusOf(view) === 'silent');
      expect(view.device(pi)?.quietMs).toBeGreaterThanOrEqual(600);
      await until('offline', () => statusOf(view) === 'offline');
    });

    it('gives leases that name the newest generation and end when the server is gone', async () => {
      const { view, connection } = await openFleet({ leaseMs: 1_500 });
      const leased: boolean[] = [];
      const { member } = join({ onLease: (held) => leased.push(held) });
      await until('lease', () => member.leased);
      expect(follow(member, 0)).toBe(true);
      await view.setDesired(pi, desiredOf(2));
      await until('the old generation is refused', () => !follow(member, 1));
      expect(follow(member, 2)).toBe(true);
      await view[Symbol.asyncDispose]();
      await connection[Symbol.asyncDispose]();
      await until('no lease', () => !member.leased, 2_800);
      expect(follow(member, 2)).toBe(false);
      await until('told', () => leased.at(-1) === false);
      expect(leased).toEqual([true, false]);
    });

    it('hands each desired state over once, the newest first of all', async () => {
      const { view } = await openFleet();
      await view.setDesired(pi, desiredOf(1));
      await view.setDesired(pi, desiredOf(5));
      await expect(view.setDesired(pi, desiredOf(5))).rejects.toEqual(coded('CUT_STALE'));
      const { heard, member, connection } = join();
      await until('desired', () => heard.length > 0);
      expect(member.wanted).toBe(5);
      await broker.restart();
      await until('reconnected', () => connection.connected);
      await view.setDesired(pi, desiredOf(6));
      await until('newer', () => heard.length > 1);
      await sleep(800);
      expect(heard).toEqual([5, 6]);
    });

    it('goes on after the broker was lost with everything it kept', async () => {
      const { view } = await openFleet({ leaseMs: 1_000 });
      const { member, connection } = join();
      await until('lease', () => member.leased);
      await view.setDesired(pi, desiredOf(4));
      let lost = false;
      connection.onDown(() => {
        lost = true;
      });
      await broker.restart();
      await until('lost', () => lost);
      await until('back', () => connection.connected);
      await sleep(1_100);
      await until('online and leased anew', () => statusOf(view) === 'online' && member.leased);
      const later = join({ session: newSession() });
      await until('what is desired is there again', () => later.heard.length > 0);
      expect(later.heard).toEqual([4]);
    });

    it('learns what another server desired', async () => {
      const first = await openFleet();
      await first.view.setDesired(pi, desiredOf(8));
      const second = await openFleet();
      await until('adopted', () => second.view.desired(pi)?.generation === 8);
      expect(second.view.nextGeneration()).toBe(9);
    });

    it('has commands done once and answered, with what went wrong', async () => {
      const { view } = await openFleet();
      let done = 0;
      const onCommand = async ({ kind }: { kind: string }) => {
        done++;
        await sleep(1_500);
        if (kind === 'forget-cache') throw new CutpointError('CUT_FILE_WRITE', 'The disk is full.');
        return ['one', 'two'];
      };
      join({ onCommand });
      await until('online', () => statusOf(view) === 'online');
      await view.command(pi, { kind: 'ping' }, { budgetMs: 20_000 });
      // Asked again after a second, as the answer takes longer.
      await expect(view.command(pi, { kind: 'logs', lines: 2 }, { budgetMs: 20_000 })).resolves.toEqual(['one', 'two']);
      expect(done).toBe(1);
      const failing = view.command(pi, { kind: 'forget-cache' }, { budgetMs: 20_000 });
      await expect(failing).rejects.toEqual(coded('CUT_FILE_WRITE'));
      await expect(view.command(pi, { kind: 'logs', lines: 2 }, { budgetMs: 300 })).rejects.toEqual(
        coded('CUT_DEADLINE'),
      );
      const cancelled = view.command(pi, { kind: 'ping' }, { budgetMs: 300, signal: AbortSignal.abort() });
      await expect(cancelled).rejects.toEqual(coded('CUT_CANCELLED'));
      const unknown = view.command(deviceId.parse('nobody'), { kind: 'ping' }, { budgetMs: 300 });
      await expect(unknown).rejects.toEqual(coded('CUT_NOT_FOUND'));
    });

    it('fails a command whose device was restarted', async () => {
      const { view } = await openFleet();
      const first = join({ onCommand: () => new Promise(() => {}) });
      await until('online', () => statusOf(view) === 'online');
      const asked = view.command(pi, { kind: 'logs', lines: 1 }, { budgetMs: 10_000 });
      const failed = expect(asked).rejects.toEqual(coded('CUT_CONNECTION_LOST'));
      await first.connection[Symbol.asyncDispose]();
      join();
      await failed;
    });

    it('forgets a device with all that the broker keeps of it', async () => {
      const { view } = await openFleet();
      const { member, connection } = join();
      await view.setDesired(pi, desiredOf(1));
      await until('online', () => statusOf(view) === 'online');
      await member[Symbol.asyncDispose]();
      await connection[Symbol.asyncDispose]();
      await view.forget(pi);
      expect(view.devices()).toEqual([]);
      const second = await openFleet();
      await sleep(400);
      expect(second.view.devices()).toEqual([]);
      expect(second.view.desired(pi)).toBeUndefined();
    });

    it('refuses malformed and oversized messages, and more devices than it was made for', async () => {
      const { view, problems } = await openFleet({ maxDevices: 1 });
      const { connection } = join();
      await until('online', () => statusOf(view) === 'online');
      const publish = (channel: 'telemetry' | 'presence', message: unknown) =>
        connection.publish(topicOf(fleet, pi, channel), message, { acknowledged: true });
      await publish('telemetry', Buffer.from('{"session":'));
      await publish('telemetry', { session: 'x', beat: -1 });
      await until('refused', () => problems.length === 2);
      expect(problems.map(({ code }) => code)).toEqual(['CUT_WIRE_MALFORMED', 'CUT_WIRE_MALFORMED']);
      join({ device: deviceId.parse('pi-2') });
      await until('not admitted', () => problems.some(({ code }) => code === 'CUT_OVERLOADED'));
      expect(view.devices()).toHaveLength(1);
    });

    it('tells that two daemons share a name', async () => {
      const { view, problems } = await openFleet();
      const sessions: SessionId[] = [newSession(), newSession()];
      for (const session of sessions) join({ session });
      await until('told', () => problems.some(({ message }) => /pi-1 and drive one another out/.test(message)));
      expect(view.devices()).toHaveLength(1);
    });
  });
}

function leftOut({ missing }: BrokerKindUnderTest): string {
  return missing === undefined ? '' : ` (left out: ${missing})`;
}
