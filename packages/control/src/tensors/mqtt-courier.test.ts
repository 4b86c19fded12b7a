import { setTimeout as sleep } from 'node:timers/promises';
import { connect, listen, openPost, type Post } from '@cutpoint/wire';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { conformTo } from '../../../wire/src/transport-conformance.testing.js';
import { connectTo, fleet, type TestBroker, testBrokers, until } from '../brokers.testing.js';
import type { BrokerConnection } from '../connection/connection.js';
import { type DeviceId, deviceId } from '../ids.js';
import { tensorTopic } from '../topics.js';
import { mqttCourier } from './mqtt-courier.js';

/** The devices of one broker, each with a connection of its own. */
class Devices {
  readonly #connections: BrokerConnection[] = [];
  readonly #posts = new Map<string, Post>();
  #broker: TestBroker | undefined;

  async open(start: () => Promise<TestBroker>): Promise<TestBroker> {
    this.#broker = await start();
    return this.#broker;
  }

  async add(name: string): Promise<{ post: Post; connection: ReturnType<typeof connectTo> }> {
    if (this.#broker === undefined) throw new Error('There is no broker.');
    const device = deviceId.parse(name);
    // The process stands still for longer than usual while large tensors are made and compared.
    const connection = connectTo(this.#broker, name, { keepAliveSeconds: 60 });
    this.#connections.push(connection);
    const post = openPost(mqttCourier(connection, { fleet, device }), { silenceMs: 3_000 });
    await connection.untilUp(AbortSignal.timeout(20_000));
    this.#posts.set(name, post);
    return { post, connection };
  }

  post(name: string): Post {
    const post = this.#posts.get(name);
    if (post === undefined) throw new Error(`${name} is not there.`);
    return post;
  }

  async close(): Promise<void> {
    for (const post of this.#posts.values()) post.close();
    for (const connection of this.#connections.splice(0)) await connection[Symbol.asyncDispose]();
    this.#posts.clear();
    await this.#broker?.[Symbol.asyncDispose]();
  }
}

for (const { name, start, missing } of testBrokers) {
  const leftOut = missing === undefined ? '' : ` (${missing})`;
  describe.skipIf(missing !== undefined)(`over the broker ${name}${leftOut}`, () => {
    const devices = new Devices();
    let names = 0;
    // Devices are there before they are asked for, because the address to listen at is chosen at once.
    beforeAll(async () => {
      await devices.open(start);
      await devices.add('client');
      for (let i = 0; i < 30; i++) await devices.add(`device-${i}`);
    });
    afterAll(() => devices.close());
    conformTo({
      transport: `mqtt over ${name}`,
      listen,
      connect,
      url: () => `mqtt:device-${names++}`,
      listenOptions: (url) => ({ post: devices.post(url.slice('mqtt:'.length)) }),
      connectOptions: () => ({ post: devices.post('client') }),
    });
  });

  describe.skipIf(missing !== undefined)(`a courier over the broker ${name}${leftOut}`, () => {
    const devices = new Devices();
    afterEach(() => devices.close());

    it('loses its links with the broker, and makes new ones when the broker is back', async () => {
      const broker = await devices.open(start);
      const near = await devices.add('near');
      const far = await devices.add('far');
      const listener = await listen({ url: 'mqtt:far', post: far.post, handler: async ({ meta }) => ({ meta }) });
      const dial = () => connect({ url: 'mqtt:far', post: near.post, connectTimeoutMs: 20_000 });
      const peer = await dial();
      expect((await peer.request({ method: 'x', meta: { a: 1 } })).meta).toEqual({ a: 1 });
      const restarted = broker.restart();
      expect(await peer.closed).toMatchObject({ code: 'CUT_CONNECTION_LOST' });
      await expect(dial()).rejects.toMatchObject({ code: 'CUT_UNREACHABLE' });
      await restarted;
      await until('the devices are back', () => near.connection.connected && far.connection.connected);
      const again = await dial();
      expect((await again.request({ method: 'x', meta: { a: 2 } })).meta).toEqual({ a: 2 });
      await again.close();
      await listener.close();
    });

    it('lets no device speak for another, or hear what is for another', async () => {
      await devices.open(start);
      const [far, forger, spy] = [await devices.add('far'), await devices.add('forger'), await devices.add('spy')];
      const toFar = (from: string) => tensorTopic(fleet, deviceId.parse('far'), from as DeviceId);
      const heard: string[] = [];
      const overheard: string[] = [];
      far.connection.subscribe([], ({ topic }) => heard.push(topic));
      // The embedded broker refuses the subscription; Mosquitto accepts it and keeps the messages back.
      spy.connection.subscribe([toFar('+')], ({ topic }) => overheard.push(topic));
      await sleep(100);
      // The embedded broker ends the connection; Mosquitto drops the message and acknowledges it.
      const send = (from: string) => forger.connection.publish(toFar(from), new Uint8Array(4), { acknowledged: true });
      await send('near').catch(() => undefined);
      await until('the device is back', () => forger.connection.connected);
      await send('forger');
      await until('the honest message arrives', () => heard.length > 0);
      await sleep(50);
      expect({ heard, overheard }).toEqual({ heard: [toFar('forger')], overheard: [] });
    });
  });
}
