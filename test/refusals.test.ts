import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, connect as connectSocket, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import {
  ContentFetcher,
  ContentStore,
  contentHash,
  type DeviceIdentity,
  deviceId,
  openBroker,
  serverTlsOf,
} from '@cutpoint/control';
import type { CutpointError } from '@cutpoint/core';
import { connect, listen } from '@cutpoint/wire';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Attempt, asDevice, atBroker, FleetDoors, fleet } from './fleet-doors.testing.js';
import { cutpoint, type Process, until } from './processes.testing.js';

// What no attacker may do, one test each: they are refused, and an operator reads that they were.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

const address = /127\.0\.0\.1/;
let doors: FleetDoors;
let pi: DeviceIdentity;
let camera: DeviceIdentity;
/** Of another fleet that has the same names. */
let foreign: DeviceIdentity;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-refusals-'));
  doors = await FleetDoors.open();
  pi = await doors.pair('pi-1');
  camera = await doors.pair('camera');
  await using other = await FleetDoors.open();
  foreign = await other.pair('pi-1');
});
afterAll(async () => {
  await doors[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

function expectRefused({ told, logged }: Attempt, code: string | RegExp, words: RegExp): void {
  expect(told).toMatch(code);
  expect(logged).toHaveLength(1);
  expect(logged[0]).toMatch(address);
  expect(logged[0]).toMatch(words);
}

/** All three doors, each with its own way to say no. */
async function expectShutOut(at: FleetDoors, own: DeviceIdentity, code: string, words: RegExp): Promise<void> {
  const check = asDevice(pi).check;
  expectRefused(await at.tryWire({ ...asDevice(own), check }), code, words);
  expectRefused(await at.tryBroker(own.device, { ...asDevice(own), check }), /^CUT_(UNAUTHORISED|UNREACHABLE)$/, words);
  expectRefused(await at.tryHttps(asDevice(own)), code, words);
}

describe('a certificate', () => {
  it('of a device of the fleet opens every door', async () => {
    const before = doors.answered;
    for (const attempt of [
      await doors.tryWire(asDevice(pi)),
      await doors.tryBroker('pi-1', atBroker(pi)),
      await doors.tryHttps(asDevice(pi)),
    ]) {
      expect(attempt).toEqual({ told: 'let in', logged: [] });
    }
    expect(doors.answered).toBe(before + 1);
  });

  it('that is missing, or of another fleet, is that of an unpaired device', async () => {
    await expectShutOut(doors, foreign, 'CUT_UNPAIRED', /not by the authority of the fleet home/);
    const { check } = asDevice(pi);
    const none = { check, minVersion: 'TLSv1.3' } as const;
    expectRefused(await doors.tryWire(none), 'CUT_UNPAIRED', /shows no certificate/);
    expectRefused(await doors.tryBroker('pi-1', none), /^CUT_(UNAUTHORISED|UNREACHABLE)$/, /shows no certificate/);
    expectRefused(await doors.tryHttps({}), 'CUT_UNPAIRED', /shows no certificate/);
  });

  it('that was revoked is not accepted again, and what was open with it ends', async () => {
    const lost = await doors.pair('lost');
    await using connection = doors.join('lost', atBroker(lost));
    await connection.untilUp(AbortSignal.timeout(20_000));
    doors.server.identities.revoke(deviceId.parse('lost'));
    await until(() => !connection.connected, 'the broker has hung up on it');
    await connection[Symbol.asyncDispose]();
    await expectShutOut(doors, lost, 'CUT_REVOKED', /of lost was revoked/);
  });

  it('that has expired is not accepted, and the line says when', async () => {
    await using own = await FleetDoors.open();
    const away = await own.pair('away');
    own.later(31);
    const check = asDevice(away).check;
    for (const attempt of [
      await own.tryWire({ ...asDevice(away), check }),
      await own.tryBroker('away', { ...atBroker(away) }),
      await own.tryHttps(asDevice(away)),
    ]) {
      expect(attempt.told).toMatch(/^CUT_(CERTIFICATE|UNAUTHORISED|UNREACHABLE)$/);
      expect(attempt.logged).toEqual([expect.stringMatching(/certificate of away expired at \d{4}-/)]);
      expect(attempt.logged[0]).toMatch(address);
    }
    expect(own.answered).toBe(0);
  });

  it('of one device does not speak for another, nor for a server', async () => {
    const asAnother = await doors.tryBroker('pi-2', atBroker(pi));
    expectRefused(asAnother, 'CUT_UNAUTHORISED', /client id is "pi-2", but must be the name of the device, pi-1/);
    const asServer = await doors.tryBroker('server', atBroker(pi));
    expectRefused(asServer, 'CUT_UNAUTHORISED', /client id is "server"/);
  });

  it('of a device is not taken for that of the server by another device, which says so in its own log', async () => {
    let asked = 0;
    const tls = serverTlsOf(camera, new Set());
    const handler = async () => ({ meta: { asked: ++asked } });
    await using impostor = await listen({ url: 'tcps://127.0.0.1:0', tls, handler });
    await expect(connect({ url: impostor.url, connectTimeoutMs: 20_000, tls: asDevice(pi) })).rejects.toMatchObject({
      code: 'CUT_CERTIFICATE',
      message: expect.stringContaining('The certificate of camera is not for 127.0.0.1'),
    });
    await using broker = await openBroker({
      fleet,
      listen: { host: '127.0.0.1', port: 0 },
      tls: {
        ...{ cert: camera.certificate, key: camera.key, ca: camera.authority },
        identify: () => ({ fleet, device: pi.device, role: 'agent' }),
      },
      onRefused: () => {},
    });
    const problems: CutpointError[] = [];
    await using connection = doors.join('pi-1', atBroker(pi), { problems, url: broker.url });
    await until(() => problems.length > 0, 'the device has looked at the certificate');
    expect(problems[0]).toMatchObject({ code: 'CUT_CERTIFICATE', message: expect.stringContaining('camera') });
    expect([connection.connected, broker.clientCount, asked]).toEqual([false, 0, 0]);
  });
});

it('a pairing code that was used lets nobody in again', async () => {
  const { code } = await doors.server.desk.open({});
  await doors.pairWith(code, 'first');
  const again = await doors.tryPairing(code, 'second');
  expectRefused(again, 'CUT_PAIRING', /^pairing-refused 127\.0\.0\.1 The code was used/);
  expect(doors.server.store.devices.get(deviceId.parse('second'))).toBeUndefined();
});

it('a pairing message that was recorded byte for byte lets nobody in again', async () => {
  const { code } = await doors.server.desk.open({});
  await doors.pairWith(code, 'recorded');
  const message = doors.pairingMessages.at(-1);
  if (message === undefined) throw new Error('The message was recorded.');
  const before = doors.server.store.devices.get(deviceId.parse('recorded'));
  const { logged } = await doors.watch(async () => {
    const { status, text } = await doors.sendToPair(message);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(JSON.parse(text)).toMatchObject({ error: { code: 'CUT_PAIRING' } });
    throw new Error('refused');
  });
  expect(logged).toEqual([expect.stringMatching(/^pairing-refused 127\.0\.0\.1 The code was used/)]);
  expect(doors.server.store.devices.get(deviceId.parse('recorded'))).toEqual(before);
  expect(before).toBeDefined();
});

describe('a topic of another device', () => {
  const topics = ['devices/camera/telemetry', 'devices/camera/desired', 'tensors/pi-1/camera'];
  it.each(topics.map((topic) => `cutpoint/1/home/${topic}`))('cannot be written: %s', async (topic) => {
    const { logged } = await doors.watch(async () => {
      await using connection = doors.join('pi-1', atBroker(pi));
      await connection.untilUp(AbortSignal.timeout(20_000));
      connection.send(topic, {});
      await until(() => !connection.connected, 'it was disconnected');
    });
    expect(logged).toEqual([expect.stringContaining(`pi-1 ${topic} pi-1 may not publish to ${topic}`)]);
    expect(logged[0]).toMatch(/^CUT_UNAUTHORISED 127\.0\.0\.1:\d+ /);
  });

  it('cannot be read', async () => {
    const topic = 'cutpoint/1/home/devices/camera/desired';
    const { logged } = await doors.watch(async () => {
      const problems: CutpointError[] = [];
      await using connection = doors.join('pi-1', atBroker(pi), { problems });
      await connection.untilUp(AbortSignal.timeout(20_000));
      connection.subscribe([topic], () => {});
      await until(() => problems.length > 0, 'it was told');
      expect(problems[0]).toMatchObject({ code: 'CUT_UNAUTHORISED', message: expect.stringContaining(topic) });
    });
    expect(logged).toEqual([expect.stringContaining(`pi-1 may not subscribe to ${topic}`)]);
  });
});

it.each(['/v1/content/..%2f..%2f..%2fetc%2fpasswd', '/v1/content/../../../../etc/passwd', '/v1/content/authority.pem'])(
  'the path %s leads nowhere out of the cache',
  async (path) => {
    const { told, logged } = await doors.watch(async () => {
      const { status, text } = await doors.get(path, {});
      expect([status, text]).toEqual([404, expect.stringContaining('64 hexadecimal digits')]);
      expect(text).not.toMatch(/root:|PRIVATE/);
    });
    expect(told).toBe('let in');
    expect(logged).toEqual([`CUT_HTTP 127.0.0.1 Somebody asked for ${path}, which is no content.`]);
  },
);

describe('a daemon', () => {
  let server: Process;
  let http = '';
  let wire = '';
  let mqtt = '';
  const token = 'the-token-of-these-tests';
  const bad = 'a-token-that-was-guessed';
  beforeAll(async () => {
    const tokenFile = join(folder, 'token');
    await writeFile(tokenFile, token, { mode: 0o600 });
    const anywhere = ['--listen', 'ws://127.0.0.1:0', '--http', '127.0.0.1:0', '--mqtt', 'mqtt://127.0.0.1:0'];
    const state = ['--fleet', join(folder, 'state'), '--token-file', tokenFile, '--json', '--log-format', 'json'];
    server = cutpoint(['serve', ...anywhere, ...state]);
    wire = await server.url();
    const said = (msg: string) => server.log().find((line) => line.msg === msg);
    http = String(said('http')?.url);
    mqtt = String(said('fleet')?.broker);
  });
  afterAll(() => server[Symbol.asyncDispose]());

  /** What the daemon writes of those that it refuses, from now on: where they come from is part of it. */
  const warnings = () => {
    const before = server.log().length;
    return () =>
      server
        .log()
        .slice(before)
        .filter((line) => line.level === 'warn' && line.address !== undefined);
  };

  it('refuses a bad token over HTTP and on the wire, and does not repeat it', async () => {
    const lines = warnings();
    const headers = { authorization: `Bearer ${bad}` };
    const answer = await fetch(`${http}/v1/status`, { headers });
    expect([answer.status, await answer.json()]).toEqual([401, expect.objectContaining({ code: 'CUT_UNAUTHORISED' })]);
    await expect(connect({ url: wire, connectTimeoutMs: 20_000, token: bad })).rejects.toMatchObject({
      code: 'CUT_UNAUTHORISED',
    });
    await until(() => lines().length >= 2, 'both were logged');
    expect(lines()).toEqual([
      expect.objectContaining({ code: 'CUT_UNAUTHORISED', status: 401, address: '127.0.0.1' }),
      expect.objectContaining({ code: 'CUT_UNAUTHORISED', address: expect.stringMatching(/^127\.0\.0\.1:\d+$/) }),
    ]);
    expect(server.stderr).not.toContain(bad);
    expect((await fetch(`${http}/v2`, { headers: { authorization: `Bearer ${token}` } })).status).toBe(200);
  });

  it('does not unpack a decompression bomb, neither over HTTP nor on a WebSocket', async () => {
    const lines = warnings();
    const bomb = gzipSync(Buffer.alloc(20_000_000));
    const answer = await fetch(`${http}/v2/models/any/infer`, {
      method: 'POST',
      headers: { 'content-encoding': 'gzip', authorization: `Bearer ${token}` },
      body: bomb,
    });
    expect([answer.status, await answer.json()]).toEqual([415, expect.objectContaining({ code: 'CUT_HTTP' })]);
    const { socket, received } = await upgrade(wire, 'permessage-deflate');
    expect(received()).not.toMatch(/permessage-deflate/i);
    // A binary frame with the bit that says compressed, and a mask of zeros.
    const head = Buffer.from([0xc2, 0x80 | 127, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    head.writeUInt32BE(bomb.length, 6);
    socket.write(Buffer.concat([head, bomb]));
    await until(() => socket.destroyed, 'the connection was closed');
    await until(() => lines().length >= 2, 'both were logged');
    expect(lines()).toEqual([
      expect.objectContaining({ code: 'CUT_HTTP', status: 415, address: '127.0.0.1' }),
      expect.objectContaining({ code: 'CUT_WIRE_MALFORMED', msg: expect.stringContaining('reserved bits') }),
    ]);
  });

  it('cuts off a slow-loris at each of its ports', async () => {
    const lines = warnings();
    const drips = [
      drip(http, 'POST /v2/models/any/infer HTTP/1.1\r\nHost: 127.0.0.1\r\nX: '),
      drip(wire, 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nX: '),
      drip(mqtt, '\x10\x7f\x00\x04MQTT'),
    ];
    await Promise.all(drips);
    await until(() => lines().length >= 3, 'all three were logged');
    // Nothing is told twice.
    expect(
      lines()
        .map(({ msg }) => msg)
        .sort(),
    ).toEqual([
      expect.stringMatching(/^A client did not connect within 10000 ms/),
      expect.stringMatching(/^A connection was not ready to say hello within 5000 ms/),
      'The request took too long to arrive.',
    ]);
    for (const line of lines()) expect(line.address).toMatch(address);
  });
});

it('a device does not unpack what a server sends compressed', async () => {
  const bomb = gzipSync(Buffer.alloc(20_000_000));
  const impostor = createServer((_request, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': bomb.length }).end(bomb);
  }).listen(0, '127.0.0.1');
  await once(impostor, 'listening');
  try {
    const url = `http://127.0.0.1:${(impostor.address() as AddressInfo).port}`;
    const cache = join(folder, 'cache');
    const store = await ContentStore.open({ folder: cache, maxBytes: 1e6 });
    const fetcher = new ContentFetcher({ store, urls: () => [url], backoffMs: 1, maxAttempts: 2 });
    const file = { hash: contentHash.parse(createHash('sha256').update('x').digest('hex')), bytes: 1_000 };
    await expect(fetcher.fetch(file, { deadlineMs: 20_000 })).rejects.toMatchObject({
      code: 'CUT_CONTENT',
      message: expect.stringContaining('encoded as gzip'),
    });
    expect(await readdir(join(cache, 'files'))).toEqual([]);
  } finally {
    impostor.closeAllConnections();
    impostor.close();
  }
});

/** A WebSocket opened by hand, that asks for an extension. */
async function upgrade(url: string, extension: string): Promise<{ socket: Socket; received: () => string }> {
  const { socket, received } = dial(url);
  const head = 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n';
  const rest = `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: ${extension}`;
  socket.write(`${head}${rest}\r\n\r\n`);
  await until(() => received().includes('\r\n\r\n'), 'the upgrade was answered');
  return { socket, received };
}

/** Sends a beginning and then a byte now and then, until it is cut off. */
async function drip(url: string, beginning: string): Promise<void> {
  const { socket } = dial(url);
  socket.write(Buffer.from(beginning, 'latin1'));
  const more = setInterval(() => socket.write('x'), 200);
  try {
    await until(() => socket.destroyed, `${url} has cut it off`);
  } finally {
    clearInterval(more);
    socket.destroy();
  }
}

function dial(url: string): { socket: Socket; received: () => string } {
  const { hostname, port } = new URL(url.replace(/^\w+:/, 'http:'));
  const socket = connectSocket(Number(port), hostname);
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
  });
  socket.on('error', () => socket.destroy());
  return { socket, received: () => text };
}
