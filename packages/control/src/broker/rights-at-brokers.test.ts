import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectTo, fleet, serverNames, type TestBroker, testBrokers, until } from '../brokers.testing.js';
import type { BrokerConnection } from '../connection/connection.js';
import { type DeviceId, deviceId } from '../ids.js';
import { deviceChannels, everyDevice, fleetRoot, tensorsFor, tensorTopic, topicOf } from '../topics.js';
import { type BrokerIdentity, mayPublish, maySubscribe } from './topic-rights.js';

const [me, other] = ['pi-1', 'pi-2'].map((name) => deviceId.parse(name)) as [DeviceId, DeviceId];
const [server] = serverNames as [DeviceId];
const asDevice: BrokerIdentity = { fleet, device: me, role: 'agent' };
const topics = [me, other].flatMap((device) => [
  ...deviceChannels.map((channel) => topicOf(fleet, device, channel)),
  tensorTopic(fleet, me, device),
  tensorTopic(fleet, other, device),
]);
const filters = [
  ...topics,
  tensorsFor(fleet, me),
  tensorsFor(fleet, other),
  ...deviceChannels.map((channel) => everyDevice(fleet, channel)),
  '#',
  `${fleetRoot(fleet)}#`,
  `cutpoint/1/other/devices/${me}/desired`,
];

for (const kind of testBrokers) {
  const leftOut = kind.missing === undefined ? '' : ` (left out: ${kind.missing})`;
  describe.skipIf(kind.missing !== undefined)(`rights at ${kind.name}${leftOut}`, () => {
    let broker: TestBroker;
    let opened: BrokerConnection[];
    beforeEach(async () => {
      broker = await kind.start();
      opened = [];
    });
    afterEach(async () => {
      for (const connection of opened) await connection[Symbol.asyncDispose]();
      await broker[Symbol.asyncDispose]();
    });
    const connect = async (device: string) => {
      const connection = connectTo(broker, device);
      opened.push(connection);
      await connection.untilUp(AbortSignal.timeout(20_000));
      return connection;
    };

    it('let a device publish only where it may', async () => {
      const heard = new Set<string>();
      const listener = await connect(server);
      listener.subscribe([`${fleetRoot(fleet)}#`], ({ topic }) => heard.add(topic));
      const device = await connect(me);
      await sleep(200);
      for (const topic of topics) {
        await device.untilUp(AbortSignal.timeout(20_000));
        device.send(topic, { about: topic });
        // Where a broker answers with the end of the connection, what follows waits for the next one.
        await until('sent', () => heard.has(topic) || !mayPublish(asDevice, topic));
        if (!mayPublish(asDevice, topic)) await sleep(80);
      }
      expect([...heard].sort()).toEqual(topics.filter((topic) => mayPublish(asDevice, topic)).sort());
    });

    it('let a device hear only what is meant for it', async () => {
      const sender = await connect(server);
      for (const filter of filters) {
        const device = connectTo(broker, me);
        const heard: string[] = [];
        device.subscribe([filter], ({ topic }) => heard.push(topic));
        await until('an answer', () => device.connected || device.problems.length > 0);
        const allowed = device.connected;
        for (const topic of topics) await sender.publish(topic, { about: topic }, { acknowledged: true });
        if (maySubscribe(asDevice, filter)) await until(`${filter} heard`, () => heard.length > 0);
        else await sleep(50);
        await device[Symbol.asyncDispose]();
        // Mosquitto grants every subscription and then delivers nothing.
        if (kind.name === 'embedded') expect([filter, allowed]).toEqual([filter, maySubscribe(asDevice, filter)]);
        expect(heard.filter((topic) => !maySubscribe(asDevice, topic))).toEqual([]);
      }
    });
  });
}
