import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { announce, deviceId, fleetId } from '@cutpoint/control';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { findBroker } from './find-broker.js';

const log = pino({ level: 'silent' });
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function listen(host: string): Promise<number> {
  const server = net.createServer((socket) => socket.destroy()).listen(0, host);
  await once(server, 'listening');
  closers.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function closedPort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A port of mDNS of its own, on loopback, so that nothing of the network is heard. */
async function search() {
  return { interface: '127.0.0.1', port: await closedPort(), listenMs: 400 };
}

describe('a device that is not paired', () => {
  it('joins the broker on this machine, and asks nobody else', async () => {
    const local = `mqtt://127.0.0.1:${await listen('127.0.0.1')}`;
    const startedAt = performance.now();
    const forever = { ...(await search()), listenMs: 30_000 };
    expect(await findBroker({ identity: undefined, log, local, search: forever })).toBe(local);
    expect(performance.now() - startedAt).toBeLessThan(20_000);
  });

  it('is told what was tried and what to do where there is none', async () => {
    const local = `mqtt://127.0.0.1:${await closedPort()}`;
    const finding = findBroker({ identity: undefined, log, local, search: await search() });
    await expect(finding).rejects.toMatchObject({
      code: 'CUT_UNREACHABLE',
      message: expect.stringMatching(/127\.0\.0\.1 port \d+: refused.*--fleet.*cutpoint doctor/),
    });
  });

  it('is told to pair with a server that it finds elsewhere, and to choose between several', async () => {
    const http = await listen('127.0.0.1');
    const where = await search();
    const heard: unknown[] = [];
    const onProblem = (error: unknown) => heard.push(error);
    const fleet = fleetId.parse('home');
    const say = async (device: string) => {
      const announcement = { fleet, device: deviceId.parse(device), http, wire: 7400 };
      const announced = await announce(announcement, { ...where, onProblem });
      closers.push(() => announced[Symbol.asyncDispose]());
    };
    const local = `mqtt://127.0.0.1:${await closedPort()}`;
    await say('srv-1');
    const finding = () => findBroker({ identity: undefined, log, local, search: where });
    await expect(finding()).rejects.toMatchObject({
      code: 'CUT_UNPAIRED',
      message: expect.stringMatching(/srv-1 of the fleet home is at http:.*cutpoint pair --new/),
    });
    await say('srv-2');
    await expect(finding()).rejects.toMatchObject({
      code: 'CUT_USAGE',
      message: expect.stringMatching(/srv-1 of home at .*srv-2 of home at .*--fleet/),
    });
    expect(heard).toEqual([]);
  });
});
