import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deviceId } from '../ids.js';
import { askLocally } from './ask-locally.js';
import { type DeviceIdentity, loadIdentity } from './device-identity.js';
import { openFleetServer } from './fleet-server.js';
import { startFleet, type TestFleet } from './fleets.testing.js';
import { type AskNow, keepRenewed } from './keep-renewed.js';
import { listenLocally } from './local-control.js';
import { askAdvice, renewDevice } from './renew-device.js';

const soon = () => AbortSignal.timeout(60_000);
const day = 86_400_000;
const pi = deviceId.parse('pi-1');

let nowMs: number;
let fleet: TestFleet;
beforeEach(async () => {
  nowMs = Date.now();
  fleet = await startFleet({ nowMs: () => nowMs });
});
afterEach(() => fleet[Symbol.asyncDispose]());

describe('a paired device', () => {
  it('is told by the server when to renew, and gets a new certificate for a new key', async () => {
    const identity = await fleet.pair('pi-1');
    expect(await askAdvice(identity, soon())).toEqual({ nowMs, renew: false, revoked: [], revokedDevices: [] });
    nowMs += 20 * day;
    expect((await askAdvice(identity, soon())).renew).toBe(true);
    const renewed = await renewDevice(identity, soon());
    expect(renewed).toMatchObject({ device: 'pi-1', issuedAtMs: nowMs });
    expect(renewed.key).not.toBe(identity.key);
    expect((await askAdvice(renewed, soon())).renew).toBe(false);
    // The former certificate stays good until the new one is everywhere.
    expect((await askAdvice(identity, soon())).renew).toBe(true);
  });

  it('keeps itself renewed, knows who is revoked, and hears when it is revoked itself', async () => {
    const identity = await fleet.pair('pi-1');
    await fleet.pair('lost');
    const folder = mkdtempSync(join(tmpdir(), 'cutpoint-device-'));
    const stop = new AbortController();
    const [renewed, revoked, errors]: [DeviceIdentity[], string[], string[]] = [[], [], []];
    const kept = keepRenewed({
      ...{ folder, identity, signal: stop.signal, everyMs: 50 },
      onRenewed: (now) => renewed.push(now),
      onRevoked: (serials) => revoked.splice(0, revoked.length, ...serials),
      onError: ({ code }) => errors.push(code),
    });
    const { serials } = fleet.server.identities.revoke(deviceId.parse('lost'));
    await expect.poll(() => revoked).toEqual(serials);
    expect(renewed).toEqual([]);
    nowMs += 21 * day;
    await expect.poll(() => renewed.length).toBe(1);
    expect(loadIdentity(folder)).toEqual(renewed[0]);
    fleet.server.identities.revoke(pi);
    await expect.poll(() => errors).toContain('CUT_REVOKED');
    stop.abort();
    await kept;
    expect(renewed).toHaveLength(1);
    rmSync(folder, { recursive: true });
  });

  it('that is told to ask has learnt when it says so; where it cannot, it says that, and asks soon again', async () => {
    const identity = await fleet.pair('pi-1');
    await fleet.pair('lost');
    const folder = mkdtempSync(join(tmpdir(), 'cutpoint-device-'));
    const stop = new AbortController();
    const [revoked, errors]: [string[], string[]] = [[], []];
    const begin = (own: DeviceIdentity) => {
      let ask: AskNow | undefined;
      const kept = keepRenewed({
        ...{ folder, identity: own, signal: stop.signal },
        onRenewed: () => undefined,
        onRevoked: (serials) => revoked.splice(0, revoked.length, ...serials),
        onError: ({ code }) => errors.push(code),
        onStart: (given) => {
          ask = given;
        },
      });
      if (ask === undefined) throw new Error('it did not start');
      return { ask, kept };
    };
    const there = begin(identity);
    const { serials } = fleet.server.identities.revoke(deviceId.parse('lost'));
    // Its first round is under way and may have been answered before.
    await there.ask();
    expect(revoked).toEqual(serials);
    const away = begin({ ...identity, server: 'https://127.0.0.1:1' });
    await expect(away.ask()).rejects.toMatchObject({ code: 'CUT_UNREACHABLE' });
    await expect.poll(() => errors.length, { timeout: 15_000 }).toBeGreaterThan(2);
    stop.abort();
    await Promise.all([there.kept, away.kept]);
    await expect(there.ask()).rejects.toMatchObject({ code: 'CUT_CANCELLED' });
    rmSync(folder, { recursive: true });
  }, 30_000);

  it('is refused once it is revoked, and its serial is told to the others', async () => {
    const lost = await fleet.pair('lost');
    const other = await fleet.pair('pi-1');
    const { serials } = fleet.server.identities.revoke(deviceId.parse('lost'));
    await expect(askAdvice(lost, soon())).rejects.toMatchObject({ code: 'CUT_REVOKED' });
    await expect(renewDevice(lost, soon())).rejects.toMatchObject({ code: 'CUT_REVOKED' });
    expect((await askAdvice(other, soon())).revoked).toEqual(serials);
    expect(fleet.server.store.audit.newest(9).map(({ event }) => event)).toContain('identity-refused');
    expect(() => fleet.server.identities.revoke(deviceId.parse('nobody'))).toThrow(
      expect.objectContaining({ code: 'CUT_NOT_FOUND' }),
    );
  });

  it('is refused after a month away, and paired again', async () => {
    const identity = await fleet.pair('pi-1');
    nowMs += 25 * day;
    await fleet.renewOwn();
    nowMs += 6 * day;
    await expect(renewDevice(identity, soon())).rejects.toMatchObject({ code: 'CUT_CERTIFICATE' });
    await expect(askAdvice(await fleet.pair('pi-1'), soon())).resolves.toHaveProperty('renew');
  });
});

describe('strangers', () => {
  it('that begin to pair and never end keep no device from news, renewal and pairing elsewhere', async () => {
    const identity = await fleet.pair('pi-1');
    const begun = Array.from({ length: 20 }, () => beginPairing(fleet.url));
    try {
      await Promise.all(begun.map(({ sent }) => sent));
      for (let i = 0; i < 5; i++) {
        expect(await askAdvice(identity, soon())).toHaveProperty('revoked');
        expect(await renewDevice(identity, soon())).toHaveProperty('certificate');
      }
      // Of one address only so many are waited for, and not for long.
      await expect.poll(() => begun.filter(({ answer }) => answer().startsWith('HTTP/1.1 503')).length).toBe(12);
      await expect
        // Each try takes a code, of which only so many may be open.
        .poll(() => fleet.pair('pi-2').then(({ device }) => device, String), { timeout: 15_000, interval: 1_000 })
        .toBe('pi-2');
    } finally {
      for (const { socket } of begun) socket.destroy();
    }
  }, 30_000);
});

/** Says that it will pair, and sends one byte of its message. */
function beginPairing(url: string): { socket: TLSSocket; sent: Promise<unknown>; answer: () => string } {
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port), rejectUnauthorized: false });
  let text = '';
  socket
    .on('error', () => undefined)
    .on('data', (part) => {
      text += part;
    });
  const sent = once(socket, 'secureConnect').then(
    () =>
      new Promise((resolve) =>
        socket.write('POST /v1/pair HTTP/1.1\r\nHost: x\r\nContent-Length: 400\r\n\r\n{', resolve),
      ),
  );
  return { socket, sent, answer: () => text };
}

describe('a server', () => {
  it('makes no certificates while its clock cannot be right', async () => {
    nowMs = 0;
    await expect(fleet.pair('pi-1')).rejects.toMatchObject({ code: 'CUT_CERTIFICATE' });
    nowMs = Date.now() - 2 * day;
    await expect(fleet.pair('pi-1')).rejects.toMatchObject({
      message: expect.stringContaining('clock of this server'),
    });
    nowMs = Date.now() - day / 2;
    await expect(fleet.pair('pi-1')).resolves.toHaveProperty('device', 'pi-1');
  });

  it('is not given another name beside the one that its folder knows', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cutpoint-server-'));
    const open = (name: string) => openFleetServer({ folder, device: deviceId.parse(name), hosts: ['localhost'] });
    (await open('server'))[Symbol.dispose]();
    await expect(open('boss')).rejects.toMatchObject({
      code: 'CUT_USAGE',
      message: expect.stringMatching(/is called server, not boss: leave out --name/),
    });
    (await open('server'))[Symbol.dispose]();
    rmSync(folder, { recursive: true });
  });

  it('renews its own certificate in time', async () => {
    const hosts = ['localhost', '127.0.0.1'];
    expect(await fleet.server.renewIfDue(hosts)).toBe(false);
    const before = fleet.server.listenTls().cert;
    nowMs += 21 * day;
    expect(await fleet.server.renewIfDue(hosts)).toBe(true);
    expect(fleet.server.listenTls().cert).not.toBe(before);
  });

  it('renews it for the addresses that its machine has by now, and the former stays good', async () => {
    const before = new X509Certificate(fleet.server.listenTls().cert);
    expect(await fleet.server.renewIfDue(['localhost', '192.168.1.7'])).toBe(true);
    const now = new X509Certificate(fleet.server.listenTls().cert);
    expect([before.checkIP('192.168.1.7'), now.checkIP('192.168.1.7')]).toEqual([undefined, '192.168.1.7']);
    expect(() => fleet.server.identities.identify(before)).not.toThrow();
    expect(await fleet.server.renewIfDue(['localhost', '192.168.1.7'])).toBe(false);
  });
});

describe('the folder of a running server', () => {
  it('is where its owner asks it for codes, tokens and revocations', async () => {
    await using _ = await listenLocally(fleet.folder, fleet.server);
    expect(statSync(join(fleet.folder, 'control.sock')).mode & 0o777).toBe(0o600);
    const ask = (request: Parameters<typeof askLocally>[1]) => askLocally(fleet.folder, request, soon());
    expect(await ask({ action: 'offer', device: pi })).toMatchObject({
      fleet: 'home',
      code: expect.stringMatching(/^[\dA-Z]{4}-/),
    });
    await fleet.pair('pi-1');
    expect(await ask({ action: 'list-devices' })).toMatchObject({
      devices: [{ device: 'pi-1' }, { device: 'server' }],
    });
    fleet.server.identities.tellBy(async (revoked) => [deviceId.parse(`not-${revoked}`)]);
    expect(await ask({ action: 'revoke-device', device: pi })).toEqual({
      device: 'pi-1',
      serials: [expect.any(String)],
      unconfirmed: ['not-pi-1'],
    });
    const made = await ask({ action: 'create-token', label: 'ci', scopes: ['infer'] });
    const { tokens } = (await ask({ action: 'list-tokens' })) as { tokens: object[] };
    expect(tokens).toHaveLength(1);
    expect(Object.keys(tokens[0] ?? {})).not.toContain('hash');
    const id = (made as { id: string }).id;
    expect(await ask({ action: 'revoke-token', id })).toEqual({ id });
    await expect(ask({ action: 'revoke-token', id })).rejects.toMatchObject({ code: 'CUT_NOT_FOUND' });
    await expect(ask({ action: 'nonsense' } as never)).rejects.toMatchObject({ code: 'CUT_USAGE' });
    await expect(ask({ action: 'create-token', label: 'x'.repeat(99_999), scopes: ['infer'] })).rejects.toHaveProperty(
      'code',
    );
  });

  it('tells that no server runs there', async () => {
    expect(await askLocally(fleet.folder, { action: 'list-devices' }, soon())).toBeUndefined();
  });
});
