import type { CutpointError } from '@cutpoint/core';
import { checkPrototypes, type FuzzKind, type FuzzTarget, refusalOf } from '../../../core/src/fuzzing.testing.js';
import { pick, type Random } from '../../../core/src/mutating.testing.js';
import { Fleet } from '../fleet/fleet.js';
import { deviceId, fleetId, sessionId } from '../ids.js';
import { startMember } from '../member/member.js';
import { readMessage } from '../read-message.js';
import { type DeviceChannel, deviceChannels, topicOf } from '../topics.js';
import { TestConnection } from './connection.testing.js';
import { changedPayload, schemas, session } from './messages.testing.js';

const fleet = fleetId.parse('home');
const names = Array.from({ length: 24 }, (_, i) => deviceId.parse(`pi-${i}`));
const [own = deviceId.parse('pi-0')] = names;
const maxDevices = 16;
const refusals = ['CUT_WIRE_MALFORMED', 'CUT_WIRE_TOO_LARGE'];
const mostGeneration = 2 ** 50;
const foreverMs = 2 ** 31 - 1;

/** Who reads messages of a broker. */
export const readerKinds: readonly FuzzKind[] = [
  ...deviceChannels.map(
    (channel): FuzzKind => ({ name: `message-${channel}`, weight: 6, open: () => readerOf(channel) }),
  ),
  { name: 'member', weight: 10, open: openMember },
  { name: 'fleet', weight: 12, open: () => openFleet(['presence', 'state', 'telemetry', 'reply']) },
  { name: 'fleet-servers', weight: 2, open: () => openFleet(['desired', 'presence', 'state']) },
];

/** One schema: what it takes can be written and read again. */
function readerOf(channel: DeviceChannel): FuzzTarget {
  const read = (payload: Uint8Array) => readMessage(schemas[channel], { fleet, device: own, channel, payload });
  return {
    attempt(random) {
      let message: unknown;
      try {
        message = read(changedPayload(channel, random));
      } catch (thrown) {
        return refusalOf(thrown, refusals);
      }
      const text = JSON.stringify(message);
      if (JSON.stringify(read(Buffer.from(text))) !== text) throw new Error(`it reads otherwise again: ${text}`);
      return 'taken';
    },
    check: checkPrototypes,
    async [Symbol.asyncDispose]() {},
  };
}

/** Notes problems and breaks at those that nobody expected. */
function problems() {
  let last: CutpointError | undefined;
  return {
    note(error: CutpointError): void {
      if (error.code === 'CUT_INTERNAL') throw error.cause ?? error;
      last = error;
    },
    take(): string {
      const { code = 'taken' } = last ?? {};
      last = undefined;
      return code;
    },
  };
}

function changedTopic(random: Random, channel: DeviceChannel): string {
  const topic = topicOf(fleet, pick(names, random), channel);
  if (random(20) !== 0) return topic;
  return pick(
    [`${topic}/x`, topic.slice(0, -1), topic.replace('home', 'other'), topic.replace(/pi-\d+/, '__proto__'), ''],
    random,
  );
}

/** A device that is told things. */
function openMember(): FuzzTarget {
  const seen = problems();
  const connection = new TestConnection();
  const member = startMember(connection, {
    fleet,
    device: own,
    session: sessionId.parse(session),
    role: 'agent',
    addresses: ['ws://127.0.0.1:7401'],
    facts: { version: '0', platform: 'test', cpuModel: 'test', cores: 1, memoryBytes: 1 },
    measure: () => ({
      ...{ memoryBytes: 1, freeMemoryBytes: 1, cpuShare: 0 },
      ...{ requests: { done: 0, failed: 0, underWay: 0 }, links: [] },
    }),
    onDesired: ({ assignments }) => void assignments.length,
    onPeers: ({ devices }) => void devices.length,
    onCommand: async (_action, signal) => (signal.aborted ? [] : ['a line']),
    onProblem: (error) => seen.note(error),
    beatMs: foreverMs,
  });
  const channels: readonly DeviceChannel[] = ['desired', 'peers', 'lease', 'command'];
  return {
    async attempt(random) {
      const channel = pick(channels, random);
      const topic = random(20) === 0 ? changedTopic(random, channel) : topicOf(fleet, own, channel);
      connection.deliver({ topic, payload: changedPayload(channel, random), retained: random(2) === 0 });
      // A command is answered when its work is done.
      await new Promise((resolve) => setImmediate(resolve));
      return seen.take();
    },
    check() {
      if (connection.published === 0) throw new Error('nothing was answered');
      if (member.wanted === undefined) throw new Error('nothing was desired');
    },
    [Symbol.asyncDispose]: () => member[Symbol.asyncDispose](),
  };
}

/** A server that devices tell things, and other servers what is desired. */
function openFleet(channels: readonly DeviceChannel[]): FuzzTarget {
  const seen = problems();
  const connection = new TestConnection();
  const view = new Fleet(connection, { fleet, maxDevices, onProblem: (error) => seen.note(error) });
  return {
    attempt(random) {
      const channel = pick(channels, random);
      const payload = random(100) === 0 ? new Uint8Array(0) : changedPayload(channel, random);
      connection.deliver({ topic: changedTopic(random, channel), payload, retained: random(2) === 0 });
      if (random(500) === 0) view.forget(pick(names, random)).catch((error: CutpointError) => seen.note(error));
      return seen.take();
    },
    check() {
      if (view.devices().length > maxDevices) throw new Error(`it keeps ${view.devices().length} devices`);
      JSON.stringify(view.devices());
      // A device that reports what cannot be must not keep the fleet from deploying; a server is believed.
      if (!channels.includes('desired') && view.nextGeneration() > mostGeneration)
        throw new Error(`the next generation is ${view.nextGeneration()}`);
    },
    [Symbol.asyncDispose]: () => view[Symbol.asyncDispose](),
  };
}
