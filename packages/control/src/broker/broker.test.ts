import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { fleet, until } from '../brokers.testing.js';
import { type BrokerConnection, type ConnectionOptions, openConnection } from '../connection/connection.js';
import { type DeviceId, deviceId } from '../ids.js';
import { tensorTopic, topicOf } from '../topics.js';
import { type Broker, openBroker } from './broker.js';
import type { BrokerLimits } from './limits.js';
import type { Refusal } from './refusals.js';

const [pi, other] = ['pi-1', 'pi-2'].map((name) => deviceId.parse(name)) as [DeviceId, DeviceId];
let opened: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of opened.reverse()) await one[Symbol.asyncDispose]();
  opened = [];
});

async function open(limits: Partial<BrokerLimits> = {}) {
  const refusals: Refusal[] = [];
  const onRefused = (refusal: Refusal) => refusals.push(refusal);
  const broker = await openBroker({ fleet, listen: { host: '127.0.0.1', port: 0 }, limits, onRefused });
  opened.push(broker);
  const refused = (code: string, part: RegExp) =>
    until(`a refusal ${code} ${part}`, () =>
      refusals.some(({ error }) => error.code === code && part.test(error.message)),
    );
  return { broker, refusals, refused };
}

function join({ url }: Broker, device: string, options: Partial<ConnectionOptions> = {}): BrokerConnection {
  const connection = openConnection({ url, device, maxBackoffMs: 60_000, onProblem: () => {}, ...options });
  opened.push(connection);
  return connection;
}

function raw({ url }: Broker): { socket: Socket; closed: Promise<void> } {
  const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {});
  socket.resume();
  return { socket, closed: new Promise((resolve) => socket.once('close', () => resolve())) };
}

/** CONNECT of MQTT 3.1.1 with a clean session, keep-alive of 5 s and this client id, which is the user name as well. */
function connectPacket(name: string, { clean = true, keepAlive = 5, protocol = 4 } = {}): Buffer {
  const text = (value: string) => Buffer.concat([Buffer.of(0, value.length), Buffer.from(value)]);
  const flags = 0x80 | (clean ? 0x02 : 0);
  const head = Buffer.of(protocol, flags, 0, keepAlive);
  const body = Buffer.concat([text('MQTT'), head, text(name), text(name)]);
  return Buffer.concat([Buffer.of(0x10, body.length), body]);
}

describe('the embedded broker', () => {
  it('listens without TLS on loopback alone', async () => {
    const beyond = openBroker({ fleet, listen: { host: '0.0.0.0', port: 0 }, onRefused: () => {} });
    await expect(beyond).rejects.toEqual(expect.objectContaining({ code: 'CUT_INSECURE_BIND' }));
    const { broker } = await open();
    const taken = openBroker({
      fleet,
      listen: { host: '127.0.0.1', port: Number(new URL(broker.url).port) },
      onRefused: () => {},
    });
    await expect(taken).rejects.toEqual(expect.objectContaining({ code: 'CUT_BIND' }));
  });

  it('keeps a bounded number of subscriptions for a device, however many devices it names', async () => {
    const { broker, refused } = await open({ maxSubscriptions: 8 });
    const greedy = join(broker, pi);
    greedy.subscribe(
      Array.from({ length: 8 }, (_, i) => tensorTopic(fleet, pi, deviceId.parse(`pi-${i}`))),
      () => {},
    );
    await greedy.untilUp(AbortSignal.timeout(5_000));
    greedy.subscribe([tensorTopic(fleet, pi, deviceId.parse('one-more'))], () => {});
    await refused('CUT_OVERLOADED', /pi-1 has 8 subscriptions already/);
    await until('told', () => greedy.lastError !== undefined);
    expect(greedy.lastError).toMatchObject({
      code: 'CUT_UNAUTHORISED',
      message: expect.stringContaining(`pi-1 subscribe to ${tensorTopic(fleet, pi, deviceId.parse('one-more'))}`),
    });
  });

  it.each([
    ['a name that is none', 'Pi_1', {}, /none of a device/],
    ['a wrong password', 'pi-1', { password: 'guess' }, /password is wrong/],
    [
      "another device's presence as last will",
      'pi-1',
      { will: { topic: topicOf(fleet, other, 'presence'), message: {} } },
      /last will/,
    ],
  ])('does not let in %s', async (_, device, options, part) => {
    const { broker, refused } = await open();
    const connection = join(broker, device, options);
    await refused('CUT_UNAUTHORISED', part);
    await until('told', () => connection.lastError?.code === 'CUT_UNAUTHORISED');
    expect(broker.clientCount).toBe(0);
  });

  it('does not keep sessions beyond their connections', async () => {
    const { broker, refused } = await open();
    const { socket, closed } = raw(broker);
    socket.write(connectPacket('pi-1', { clean: false }));
    await closed;
    await refused('CUT_UNAUTHORISED', /outlasts/);
  });

  it('disconnects who publishes elsewhere, and says so', async () => {
    const { broker, refusals } = await open();
    const connection = join(broker, pi, { maxBackoffMs: 100 });
    let downs = 0;
    connection.onDown(() => downs++);
    await connection.untilUp(AbortSignal.timeout(20_000));
    connection.send(topicOf(fleet, other, 'telemetry'), {});
    await until('disconnected', () => downs === 1);
    expect(refusals).toEqual([
      expect.objectContaining({ device: pi, topic: topicOf(fleet, other, 'telemetry'), untold: 0 }),
    ]);
    await until('let in again', () => connection.connected);
  });

  it('ends the connection of a device that is to go', async () => {
    const { broker } = await open();
    const connection = join(broker, pi);
    await connection.untilUp(AbortSignal.timeout(20_000));
    let gone = false;
    connection.onDown(() => {
      gone = true;
    });
    broker.disconnect(pi);
    await until('gone', () => gone);
  });

  it('closes a connection that does not connect in time, however busily it sends', async () => {
    const { broker, refused } = await open({ connectDeadlineMs: 300 });
    const idle = raw(broker);
    const slow = raw(broker);
    const packet = connectPacket('pi-1');
    let at = 0;
    const dripping = setInterval(() => slow.socket.write(packet.subarray(at, ++at)), 50);
    await Promise.all([idle.closed, slow.closed]);
    clearInterval(dripping);
    await refused('CUT_DEADLINE', /300 ms/);
  });

  it('bounds connections in all, and those that are not let in yet', async () => {
    const few = await open({ maxNewcomers: 2 });
    const waiting = [raw(few.broker), raw(few.broker)];
    await sleep(50);
    await raw(few.broker).closed;
    await few.refused('CUT_OVERLOADED', /waiting to be let in/);
    for (const { socket } of waiting) socket.destroy();
    const { broker, refused } = await open({ maxConnections: 1 });
    const first = join(broker, pi);
    await first.untilUp(AbortSignal.timeout(20_000));
    await raw(broker).closed;
    await refused('CUT_OVERLOADED', /1 connections already/);
  });

  it('reads no long packet of strangers, and none that is longer than messages are', async () => {
    const { broker, refused } = await open();
    const stranger = raw(broker);
    stranger.socket.write(Buffer.of(0x10, 0xff, 0xff, 0x7f));
    await stranger.closed;
    await refused('CUT_WIRE_TOO_LARGE', /8192/);
    const known = raw(broker);
    known.socket.write(Buffer.concat([connectPacket('pi-1')]));
    await until('let in', () => broker.clientCount === 1);
    known.socket.write(Buffer.of(0x30, 0xff, 0xff, 0xff, 0x7f));
    await known.closed;
    await refused('CUT_WIRE_TOO_LARGE', /263168/);
  });

  it('refuses bytes that are no MQTT, and more than a channel takes', async () => {
    const { broker, refused } = await open();
    const { socket, closed } = raw(broker);
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await closed;
    const connection = join(broker, pi);
    await connection.untilUp(AbortSignal.timeout(20_000));
    connection.send(topicOf(fleet, pi, 'telemetry'), { text: 'x'.repeat(17_000) });
    await refused('CUT_WIRE_TOO_LARGE', /telemetry/);
  });

  it('reads a client that sends too fast more slowly, and loses nothing of it', async () => {
    const { broker } = await open({ packetsPerSecond: 100 });
    const server = join(broker, 'srv-1', { password: broker.serverPassword });
    let heard = 0;
    server.subscribe([topicOf(fleet, pi, 'telemetry')], () => heard++);
    const connection = join(broker, pi);
    await Promise.all([server, connection].map((one) => one.untilUp(AbortSignal.timeout(20_000))));
    const text = 'x'.repeat(1_000);
    const startedAt = performance.now();
    for (let i = 0; i < 300; i++) connection.send(topicOf(fleet, pi, 'telemetry'), { i, text });
    await until('all heard', () => heard === 300);
    expect(performance.now() - startedAt).toBeGreaterThan(1_200);
  });

  it('disconnects a device that says too much on its channels, for as long as it does, and the server hears the others', async () => {
    const { broker, refused } = await open({ channelBytesPerSecond: 300_000 });
    const heard: string[] = [];
    const server = join(broker, 'server', { password: broker.serverPassword });
    server.subscribe(
      [topicOf(fleet, pi, 'reply'), topicOf(fleet, other, 'reply')],
      ({ topic }) => void heard.push(topic),
    );
    await server.untilUp(AbortSignal.timeout(5_000));
    const say = async (device: DeviceId, times: number) => {
      const connection = join(broker, device);
      await connection.untilUp(AbortSignal.timeout(5_000));
      const junk = 'x'.repeat(200_000);
      for (let i = 0; i < times; i++) {
        await connection.publish(topicOf(fleet, device, 'reply'), junk, { acknowledged: true }).catch(() => undefined);
      }
      const { connected } = connection;
      await connection[Symbol.asyncDispose]();
      return connected;
    };
    expect(await say(pi, 2)).toBe(true);
    expect(await say(pi, 4)).toBe(false);
    await refused('CUT_OVERLOADED', /pi-1 says more on its channels than 300000 bytes a second/);
    expect(await say(pi, 1)).toBe(false);
    expect(await say(other, 1)).toBe(true);
    await until('the other was heard', () => heard.includes(topicOf(fleet, other, 'reply')));
    expect(server.connected).toBe(true);
    expect(heard.length).toBeLessThanOrEqual(5);
  });

  it('drops a client that does not read what it asked for, and keeps serving the others', async () => {
    const { broker, refused } = await open({ maxQueuedBytes: 1024 * 1024 });
    const server = join(broker, 'srv-1', { password: broker.serverPassword });
    const reader = join(broker, other);
    let heard = 0;
    reader.subscribe([topicOf(fleet, other, 'desired')], () => heard++);
    const stuck = raw(broker);
    stuck.socket.pause();
    stuck.socket.write(connectPacket('pi-1'));
    const topic = Buffer.from(topicOf(fleet, pi, 'desired'));
    const subscribe = Buffer.concat([Buffer.of(0, 1, 0, topic.length), topic, Buffer.of(0)]);
    stuck.socket.write(Buffer.concat([Buffer.of(0x82, subscribe.length), subscribe]));
    await Promise.all([server, reader].map((one) => one.untilUp(AbortSignal.timeout(20_000))));
    const big = Buffer.alloc(200_000, 120);
    let sent = 0;
    await until('dropped', () => {
      server.send(topicOf(fleet, pi, 'desired'), big);
      server.send(topicOf(fleet, other, 'desired'), { sent: ++sent });
      return broker.clientCount === 2;
    });
    await refused('CUT_OVERLOADED', /does not read/);
    await until('the others heard all', () => heard === sent);
    stuck.socket.destroy();
  });

  it('bounds what it keeps for those who come later', async () => {
    const { broker, refused } = await open({ maxRetained: 1 });
    const connection = join(broker, pi);
    await connection.untilUp(AbortSignal.timeout(20_000));
    await connection.publish(topicOf(fleet, pi, 'presence'), {}, { acknowledged: true, retain: true });
    connection.publish(topicOf(fleet, pi, 'state'), {}, { acknowledged: true, retain: true }).catch(() => {});
    await refused('CUT_OVERLOADED', /is full/);
  });

  it('tells only some of a flood of refusals', async () => {
    const { broker, refusals } = await open();
    for (let i = 0; i < 200; i++) {
      const { socket, closed } = raw(broker);
      socket.write(connectPacket('PI'));
      await closed;
    }
    expect(refusals.length).toBeLessThan(150);
    expect(refusals.length).toBeGreaterThan(0);
  });
});
