import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DeviceId, deviceId, Fleet, openConnection } from '@cutpoint/control';
import { cancelReason, onCancel } from '@cutpoint/core';
import { OpenResources } from '@cutpoint/daemon';
import { type OpenDevice, openDevice } from '@cutpoint/fleet';
import { listen } from '@cutpoint/wire';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { asDevice, FleetDoors, fleet } from './fleet-doors.testing.js';

const [pi, box] = ['pi-1', 'box'].map((name) => deviceId.parse(name)) as [DeviceId, DeviceId];
const log = pino({ level: 'silent' });
const soon = { timeout: 20_000 };

let doors: FleetDoors;
let folder: string;
let opened: OpenResources;
beforeAll(async () => {
  doors = await FleetDoors.open();
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-revoked-'));
  opened = new OpenResources();
}, 60_000);
afterAll(async () => {
  await opened.close();
  await doors[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** A device as the daemons open it. */
async function joinAs(device: DeviceId): Promise<OpenDevice> {
  const identity = await doors.pair(device);
  const membership = { url: doors.brokerUrl, fleet, device, identity, folder: join(folder, device) };
  const settings = { cacheMb: 10, maxBackoffMs: 200, connectTimeoutMs: 5_000, timeoutMs: 5_000, optimisation: 'all' };
  const options = { membership, role: 'agent', settings, maxInFlight: 4, recent: undefined, log } as const;
  return await openDevice(opened, options as Parameters<typeof openDevice>[1]);
}

it('ends links to a device that is revoked at once, with the requests on them, and makes none again', async () => {
  const device = await joinAs(pi);
  const box1 = await doors.pair(box);
  let asked = 0;
  const listener = opened.add(
    await listen({
      url: 'wss://127.0.0.1:0',
      tls: { ...asDevice(box1), cert: box1.certificate, key: box1.key, requireClient: true },
      handler: ({ signal }) => {
        asked += 1;
        return new Promise((_, reject) => onCancel(signal, () => reject(cancelReason(signal))));
      },
    }),
  );
  device.links.update([{ device: box, addresses: [listener.url] }]);
  const link = device.links.to(box);
  await expect.poll(() => link.connected, soon).toBe(true);
  expect(device.links.via(box)).toBe(listener.url);
  const refused = expect(link.peer().request({ method: 'x' })).rejects.toMatchObject({ code: 'CUT_REVOKED' });
  await expect.poll(() => asked, soon).toBe(1);

  const server = deviceId.parse('server');
  const tls = () => doors.server.toBrokerTls();
  const connection = opened.add(openConnection({ url: doors.brokerUrl, device: server, tls, onProblem: () => {} }));
  const view = opened.add(new Fleet(connection, { fleet, onProblem: () => {} }));
  await expect.poll(() => view.device(pi)?.status, soon).toBe('online');
  doors.server.identities.revoke(box);
  await view.command(pi, { kind: 'check-identity' }, { budgetMs: 10_000 });
  await refused;
  await expect.poll(() => listener.connectionCount, soon).toBe(0);
  // Several attempts later.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect([link.connected, listener.connectionCount]).toEqual([false, 0]);
  expect(() => link.peer()).toThrow(expect.objectContaining({ code: 'CUT_REVOKED' }));
}, 60_000);
