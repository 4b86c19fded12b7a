import { setTimeout as sleep } from 'node:timers/promises';
import { connect, listen, openPost, type Post } from '@cutpoint/wire';
import { connectAsync, type MqttClient } from 'mqtt';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { conformTo } from '../../../wire/src/transport-conformance.testing.js';
import { type DeviceId, deviceId, fleetId } from '../ids.js';
import { tensorTopic } from '../topics.js';
import { mosquittoPath, startAedes, startMosquitto, type TestBroker } from './brokers.testing.js';
import { mqttCourier } from './mqtt-courier.js';

const fleet = fleetId.parse('home');

/** The devices of one broker, each with a connection of its own. */
class Devices {
  readonly #clients: MqttClient[] = [];
  readonly posts = new Map<string, Post>();
  broker: TestBroker | undefined;

  async add(name: string): Promise<{ post: Post; client: MqttClient }> {
    const device = deviceId.parse(name);
    const client = await connectAsync(this.broker?.url ?? '', {
      username: name,
      protocolVersion: 4,
      reconnectPeriod: 100,
    });
    this.#clients.push(client);
    const post = openPost(await mqttCourier({ client, fleet, device }), { silenceMs: 2_000 });
    this.posts.set(name, post);
    return { post, client };
  }

  async close(): Promise<void> {
    for (const post of this.posts.values()) post.close();
    for (const client of this.#clients) await client.endAsync(true);
    await this.broker?.close();
  }
}

const brokers = [
  { name: 'aedes', start: () => startAedes(), present: true },
  { name: 'Mosquitto', start: () => startMosquitto(), present: mosquittoPath !== undefined },
];
for (const { name, start, present } of brokers) {
  // Mosquitto comes from the distribution; without it the tests say that they were skipped.
  describe.skipIf(!present)(`over ${name}`, () => {
    const devices = new Devices();
    let names = 0;
    // Devices are there before they are asked for, because the address to listen at is chosen at once.
    beforeAll(async () => {
      devices.broker = await start();
      await devices.add('client');
      for (let i = 0; i < 30; i++) await devices.add(`device-${i}`);
    });
    afterAll(() => devices.close());
    const postOf = (device: string): Post => {
      const post = devices.posts.get(device);
      if (post === undefined) throw new Error(`${device} is not there.`);
      return post;
    };
    conformTo({
      transport: `mqtt over ${name}`,
      listen,
      connect,
      url: () => `mqtt:device-${names++}`,
      listenOptions: (url) => ({ post: postOf(url.slice('mqtt:'.length)) }),
      connectOptions: () => ({ post: postOf('client') }),
    });
  });
}

describe('a courier over MQTT', () => {
  const devices = new Devices();
  afterEach(async () => {
    await devices.close();
    devices.posts.clear();
  });
  const connectTimeoutMs = 3_000;

  it('loses its links with the broker, and makes new ones when the broker is back', async () => {
    const broker = await startAedes();
    devices.broker = broker;
    const near = await devices.add('near');
    const far = await devices.add('far');
    const listener = await listen({ url: 'mqtt:far', post: far.post, handler: async ({ meta }) => ({ meta }) });
    const dial = () => connect({ url: 'mqtt:far', post: near.post, connectTimeoutMs });
    const peer = await dial();
    expect((await peer.request({ method: 'x', meta: { a: 1 } })).meta).toEqual({ a: 1 });
    await broker.close();
    expect(await peer.closed).toMatchObject({ code: 'CUT_CONNECTION_LOST' });
    await expect(dial()).rejects.toMatchObject({ code: 'CUT_UNREACHABLE' });
    devices.broker = await startAedes(undefined, broker.port);
    const end = performance.now() + 10_000;
    let again = await dial().catch(() => undefined);
    while (again === undefined && performance.now() < end) {
      await sleep(50);
      again = await dial().catch(() => undefined);
    }
    expect((await again?.request({ method: 'x', meta: { a: 2 } }))?.meta).toEqual({ a: 2 });
    await again?.close();
    await listener.close();
  });

  it('is refused where the broker does not allow the topic', async () => {
    devices.broker = await startAedes((user, topic) => topic.includes(`/tensors/${user}/`));
    const client = await connectAsync(devices.broker.url, { username: 'pi-1', protocolVersion: 4 });
    const courier = (name: string) => mqttCourier({ client, fleet, device: deviceId.parse(name) });
    (await courier('pi-1')).close();
    await expect(courier('pi-2')).rejects.toMatchObject({ code: 'CUT_FORBIDDEN' });
    await client.endAsync(true);
  });

  it('drops what comes from no device', async () => {
    devices.broker = await startAedes();
    const { client } = await devices.add('near');
    const heard: string[] = [];
    const courier = await mqttCourier({ client, fleet, device: deviceId.parse('other') });
    courier.start({ onMessage: (from) => heard.push(from), onLost: () => {} });
    for (const from of ['NOT A NAME', 'pi-9']) {
      await client.publishAsync(tensorTopic(fleet, deviceId.parse('other'), from as DeviceId), 'x', { qos: 1 });
    }
    const end = performance.now() + 3_000;
    while (heard.length === 0 && performance.now() < end) await sleep(5);
    expect(heard).toEqual(['pi-9']);
    courier.close();
  });
});
