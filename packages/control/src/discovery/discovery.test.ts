import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import type { CutpointError } from '@cutpoint/core';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { freePort } from '../brokers.testing.js';
import { probeMulticast } from '../doctor/probes/multicast.js';
import { contentHash, deviceId, fleetId } from '../ids.js';
import { announce } from './announce.js';
import { type Announcement, addressesOf, readTxt, txtOf } from './announcement.js';
import { findServers } from './find-servers.js';
import { openMulticastDns } from './multicast-dns.js';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function listen(): Promise<number> {
  const server = net.createServer((socket) => socket.destroy()).listen(0, '0.0.0.0');
  await once(server, 'listening');
  closers.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

const announcement = (http: number): Announcement => ({
  fleet: fleetId.parse('home'),
  device: deviceId.parse('srv-1'),
  http,
  wire: 7400,
  mqtt: 7483,
  authority: contentHash.parse('ab'.repeat(32)),
});

describe('a TXT record', () => {
  it('is read as it was written, and anything else is nothing', () => {
    expect(readTxt(txtOf(announcement(7480)))).toEqual(announcement(7480));
    const good = txtOf(announcement(7480));
    const wrong = { fleet: '../x', device: 'A', http: '0', wire: '65536', mqtt: '1e9', authority: 'ab' };
    for (const [key, value] of Object.entries(wrong)) expect(readTxt({ ...good, [key]: value })).toBeUndefined();
    expect(readTxt({ ...good, more: 'x'.repeat(200) })).toBeUndefined();
    expect(readTxt({ ...good, fleet: undefined })).toBeUndefined();
    fc.assert(
      fc.property(fc.anything(), (any) => {
        expect(readTxt(any)).toBeUndefined();
      }),
    );
  });

  it('comes with addresses, of which only some are tried', () => {
    expect(addressesOf('10.0.0.1', ['10.0.0.1', 'evil.example', 5, 'fd00::1'])).toEqual(['10.0.0.1', 'fd00::1']);
    expect(
      addressesOf(
        undefined,
        Array.from({ length: 99 }, (_, i) => `10.0.0.${i}`),
      ),
    ).toHaveLength(8);
    expect(addressesOf(undefined, undefined)).toEqual([]);
  });
});

describe('static addresses', () => {
  it('win: nobody is asked on the network', async () => {
    const port = await listen();
    const url = `http://127.0.0.1:${port}`;
    const startedAt = performance.now();
    const { servers, tried } = await findServers({
      urls: [`http://127.0.0.1:${await freePort()}`, url],
      listenMs: 20_000,
    });
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    expect(servers).toEqual([{ source: 'static', url }]);
    expect(tried.map(({ result }) => result).sort()).toEqual(['open', 'refused']);
    expect(tried.find(({ result }) => result === 'open')).toMatchObject({ interface: expect.any(String) });
    await expect(findServers({ urls: ['nonsense'] })).rejects.toMatchObject({ code: 'CUT_USAGE' });
  });
});

const [reading] = await probeMulticast();
const works = reading?.heard === true;
describe.skipIf(!works)(`on the local network${works ? '' : ' (multicast does not work here)'}`, () => {
  const address = reading?.address ?? '';

  it('finds a server that announces itself, and tells where and how', async () => {
    const [port, http] = [await freePort(), await listen()];
    const problems: unknown[] = [];
    const announced = await announce(announcement(http), {
      interface: address,
      port,
      onProblem: (error) => problems.push(error),
    });
    closers.push(() => announced[Symbol.asyncDispose]());
    const find = (more: object) => findServers({ interface: address, port, listenMs: 700, ...more });
    const { servers, tried } = await find({ fleet: 'home', urls: [`http://127.0.0.1:${await freePort()}`] });
    expect(servers).toEqual([{ source: 'mdns', url: `https://${address}:${http}`, announcement: announcement(http) }]);
    expect(tried).toContainEqual({ source: 'mdns', address, port: http, interface: reading?.name, result: 'open' });
    expect((await find({ fleet: 'work' })).servers).toEqual([]);
    expect((await find({ authority: 'cd'.repeat(32) })).servers).toEqual([]);
    expect(problems).toEqual([]);
  });

  it('says when what it sends does not leave this machine, once', async () => {
    const problems: CutpointError[] = [];
    const opened = await openMulticastDns({ interface: address, port: await freePort() }, (error) => {
      problems.push(error);
    });
    closers.push(() => opened.close());
    const [{ bonjour } = { bonjour: undefined }] = opened.networks;
    const { mdns } = (bonjour as unknown as { server: { mdns: { query: (question: string, to: object) => void } } })
      .server;
    // The system refuses to send to all of a network without having been asked for that, as it does without a route.
    for (let i = 0; i < 2; i++) mdns.query('x.local', { address: '255.255.255.255', port: 9 });
    await expect.poll(() => problems.length).toBeGreaterThan(0);
    expect(problems).toMatchObject([
      { code: 'CUT_BIND', message: expect.stringContaining('mDNS does not work here: ') },
    ]);
  });

  it('bears any packet that others send', async () => {
    const port = await freePort();
    const finding = findServers({ interface: address, port, listenMs: 800 });
    const socket = createSocket({ type: 'udp4', reuseAddr: true }).bind(0);
    await once(socket, 'listening');
    socket.setMulticastInterface(address);
    const name = Buffer.from('\u0009_cutpoint\u0004_tcp\u0005local\u0000', 'latin1');
    for (let i = 0; i < 500; i++) {
      const answer = Buffer.from([0, 0, 0x84, 0, 0, 0, 0, i % 4, 0, 0, 0, i % 3]);
      const rest = Buffer.from(Array.from({ length: i % 60 }, (_, at) => (i * 31 + at * 7) % 256));
      socket.send(
        Buffer.concat([answer, name, Buffer.from([0, 12, 0, 1, 0, 0, 0, 9, 0, 2, 0xc0, 12]), rest]),
        port,
        '224.0.0.251',
      );
    }
    expect((await finding).servers).toEqual([]);
    socket.close();
  });
});
