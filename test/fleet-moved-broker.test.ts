import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { brokerUrl, type DeviceId, deviceId, loadIdentity, openBroker, saveIdentity } from '@cutpoint/control';
import { OpenResources } from '@cutpoint/daemon';
import { openDevice } from '@cutpoint/fleet';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FleetDoors, fleet } from './fleet-doors.testing.js';

const soon = { timeout: 40_000 };

let doors: FleetDoors;
let folder: string;
beforeAll(async () => {
  doors = await FleetDoors.open();
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-moved-'));
}, 60_000);
afterAll(async () => {
  await doors[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** A broker of this fleet; devices that ask are told that theirs is there. */
async function openBrokerThere() {
  const listen = { host: '127.0.0.1', port: 0 };
  const broker = await openBroker({ fleet, listen, tls: doors.server.brokerTls(), onRefused: () => {} });
  doors.server.identities.places.broker = { port: Number(new URL(broker.url).port) };
  return broker;
}

/** A device that was paired, as the daemons open it, with the lines of its log. */
async function open(device: DeviceId, opened: OpenResources) {
  const lines: string[] = [];
  const log = pino(
    { level: 'info' },
    new Writable({
      write(line, _, done) {
        lines.push(String(line));
        done();
      },
    }),
  );
  const own = join(folder, device);
  const identity = await doors.pair(device);
  saveIdentity(own, identity);
  const membership = { url: brokerUrl(identity), fleet, device, identity, folder: own };
  const settings = { cacheMb: 10, maxBackoffMs: 500, connectTimeoutMs: 5_000, timeoutMs: 5_000, optimisation: 'all' };
  const options = { membership, role: 'agent', settings, maxInFlight: 4, recent: undefined, log } as const;
  const opening = await openDevice(opened, options as Parameters<typeof openDevice>[1]);
  return { ready: () => opening.health().ready, said: (text: string) => lines.filter((line) => line.includes(text)) };
}

it('follows its broker to where the server says that it is, while it runs', async () => {
  const pi = deviceId.parse('pi-1');
  const first = await openBrokerThere();
  const opened = new OpenResources();
  try {
    const device = await open(pi, opened);
    await expect.poll(device.ready, soon).toBe(true);
    await using second = await openBrokerThere();
    await first[Symbol.asyncDispose]();
    await expect.poll(() => device.said('"joined"').at(-1), soon).toContain(second.url);
    expect(device.ready()).toBe(true);
    const kept = loadIdentity(join(folder, pi));
    expect(kept && brokerUrl(kept)).toBe(second.url);
    await opened.close();
  } finally {
    await opened.close();
    await first[Symbol.asyncDispose]();
  }
}, 60_000);

it('says once that it is revoked, and stops knocking every second', async () => {
  const pi = deviceId.parse('pi-2');
  await using broker = await openBrokerThere();
  const opened = new OpenResources();
  try {
    const device = await open(pi, opened);
    await expect.poll(device.ready, soon).toBe(true);
    doors.server.identities.revoke(pi);
    broker.disconnect(pi);
    await expect.poll(() => device.said('This device is revoked'), soon).toHaveLength(1);
    // It goes on asking meanwhile.
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    expect(device.said('This device is revoked')).toHaveLength(1);
    expect(device.said('does not let this device in')).toHaveLength(1);
  } finally {
    await opened.close();
  }
}, 60_000);
