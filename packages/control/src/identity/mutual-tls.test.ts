import { once } from 'node:events';
import https from 'node:https';
import tls from 'node:tls';
import type { CutpointError } from '@cutpoint/core';
import {
  type ClientTls,
  connect,
  type IncomingRequest,
  type Listener,
  type ListenOptions,
  listen,
} from '@cutpoint/wire';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { deviceId } from '../ids.js';
import { clientTlsOf, type DeviceIdentity, serverTlsOf } from './device-identity.js';
import { startFleet, type TestFleet } from './fleets.testing.js';

const day = 86_400_000;
const connectTimeoutMs = 10_000;
const none: ReadonlySet<string> = new Set();

let fleet: TestFleet;
let pi: DeviceIdentity;
let camera: DeviceIdentity;
/** Of another fleet with the same names. */
let foreign: DeviceIdentity;
beforeAll(async () => {
  fleet = await startFleet();
  pi = await fleet.pair('pi-1');
  camera = await fleet.pair('camera');
  await using other = await startFleet();
  foreign = await other.pair('pi-1');
}, 120_000);
afterAll(() => fleet[Symbol.asyncDispose]());

const opened: Listener[] = [];
afterEach(async () => {
  for (const listener of opened.splice(0)) await listener.close();
});

interface Refusal {
  readonly error: CutpointError;
  readonly address: string | undefined;
}

/** Listens as the server of the fleet, or as somebody else, and says who asks. */
async function serve(
  scheme: string,
  options: Partial<ListenOptions> = {},
): Promise<{ listener: Listener; url: string; log: Refusal[] }> {
  const log: Refusal[] = [];
  const listener = await listen({
    url: `${scheme}://127.0.0.1:0`,
    tls: fleet.server.listenTls(),
    handler: async ({ remote }) => ({
      meta: { device: remote.identity?.device ?? null, role: remote.identity?.role ?? null },
    }),
    onError: (error, _, address) => log.push({ error, address }),
    ...options,
  });
  opened.push(listener);
  return { listener, url: listener.url, log };
}

const asDevice = (identity: DeviceIdentity, expected = {}) => clientTlsOf(identity, none, expected);
const dial = (url: string, own?: ClientTls) =>
  connect({ url, connectTimeoutMs, ...(own === undefined ? {} : { tls: own }) });

describe.each(['tcps', 'wss'])('a listener of the fleet (%s)', (scheme) => {
  it('knows who asks, and who asks knows the listener', async () => {
    const { url } = await serve(scheme);
    await using peer = await dial(url, asDevice(pi));
    expect(peer.remote.identity).toMatchObject({ fleet: 'home', device: 'server', role: 'server' });
    expect((await peer.request({ method: 'who' })).meta).toEqual({ device: 'pi-1', role: 'agent' });
  });

  it.each<[string, string, () => ClientTls]>([
    ['shows no certificate', 'CUT_UNPAIRED', () => ({ check: asDevice(pi).check, minVersion: 'TLSv1.3' })],
    [
      'has a certificate of another authority',
      'CUT_UNPAIRED',
      () => ({ ...asDevice(foreign), check: asDevice(pi).check }),
    ],
  ])('refuses who %s, tells why and logs it', async (_name, code, own) => {
    const { url, log, listener } = await serve(scheme);
    await expect(dial(url, own())).rejects.toMatchObject({ code });
    expect(log).toEqual([
      { error: expect.objectContaining({ code }), address: expect.stringMatching(/^127\.0\.0\.1:\d+$/) },
    ]);
    expect(listener.connectionCount).toBe(0);
  });

  it('refuses a certificate that has expired', async () => {
    let nowMs = Date.now();
    await using own = await startFleet({ nowMs: () => nowMs });
    const away = await own.pair('pi-1');
    const { url, log } = await serve(scheme, { tls: own.server.listenTls() });
    nowMs += 31 * day;
    const call = dial(url, asDevice(away));
    await expect(call).rejects.toMatchObject({
      code: 'CUT_CERTIFICATE',
      message: expect.stringContaining('pi-1 expired'),
    });
    expect(log[0]?.error.code).toBe('CUT_CERTIFICATE');
  });

  it('ends the connections of a device that is revoked, stops what they asked for, and takes no new ones', async () => {
    const lost = await fleet.pair('lost');
    const running: IncomingRequest[] = [];
    const { url, listener, log } = await serve(scheme, {
      handler: (request) => {
        running.push(request);
        return request.remote.identity?.device === 'lost' ? new Promise(() => {}) : Promise.resolve({});
      },
    });
    const peer = await dial(url, asDevice(lost));
    await using other = await dial(url, asDevice(pi));
    const request = peer.request({ method: 'x' });
    const outcome = expect(request).rejects.toMatchObject({ code: 'CUT_REVOKED' });
    await other.request({ method: 'x' });
    await expect.poll(() => running.length).toBe(2);
    using _ = fleet.server.identities.onRevoked(() => listener.recheck());
    fleet.server.identities.revoke(deviceId.parse('lost'));
    expect(running.find(({ remote }) => remote.identity?.device === 'lost')?.signal.aborted).toBe(true);
    await outcome;
    expect(await peer.closed).toMatchObject({ code: 'CUT_REVOKED' });
    await expect(dial(url, asDevice(lost))).rejects.toMatchObject({ code: 'CUT_REVOKED' });
    expect(log.map(({ error }) => error.code)).toEqual(['CUT_REVOKED', 'CUT_REVOKED']);
    await other.request({ method: 'x' });
  });

  it('shows its new certificate at the next handshake, which a device with a clock far behind accepts', async () => {
    let nowMs = Date.now();
    await using own = await startFleet({ nowMs: () => nowMs });
    const device = await own.pair('pi-1');
    const { url, listener } = await serve(scheme, { tls: own.server.listenTls() });
    await using before = await dial(url, asDevice(device));
    // The device's clock stays: what the server shows from now on begins in 20 days.
    nowMs += 21 * day;
    await own.renewOwn();
    listener.renew(own.server.listenTls());
    await using after = await dial(url, asDevice(device));
    expect(after.remote.identity?.serial).not.toBe(before.remote.identity?.serial);
    await before.request({ method: 'x' });
    await after.request({ method: 'x' });
  });
});

describe.each(['tcps', 'wss'])('a device that connects (%s)', (scheme) => {
  it.each<[string, string, string, () => Promise<Partial<ListenOptions>>, object]>([
    [
      'is of another authority',
      'CUT_UNPAIRED',
      'authority',
      async () => ({ tls: { ...serverTlsOf(foreign, none) } }),
      {},
    ],
    [
      'is not named as the host',
      'CUT_CERTIFICATE',
      'not for 127.0.0.1',
      async () => ({ tls: serverTlsOf(camera, none) }),
      {},
    ],
    [
      'is another device',
      'CUT_CERTIFICATE',
      'camera, not server',
      async () => ({ tls: serverTlsOf(camera, none) }),
      { device: 'server' },
    ],
    [
      'is no server',
      'CUT_CERTIFICATE',
      'no server',
      async () => ({ tls: serverTlsOf(camera, none) }),
      { device: 'camera', role: 'server' },
    ],
  ])('refuses who %s, before it says anything', async (_name, code, words, options, expected) => {
    let asked = 0;
    const { url, listener } = await serve(scheme, {
      ...(await options()),
      handler: async () => ({ meta: { asked: ++asked } }),
    });
    const call = dial(url, asDevice(pi, expected));
    await expect(call).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
    expect([listener.connectionCount, asked]).toEqual([0, 0]);
  });

  it('refuses another device that it was told is revoked, and an expired one; and works both ways between devices', async () => {
    const { url } = await serve(scheme, { tls: serverTlsOf(camera, none) });
    const expected = { device: deviceId.parse('camera') };
    await using peer = await dial(url, asDevice(pi, expected));
    expect((await peer.request({ method: 'who' })).meta).toEqual({ device: 'pi-1', role: 'agent' });
    const serial = peer.remote.identity?.serial ?? '';
    const told = clientTlsOf(pi, new Set([serial]), expected);
    await expect(dial(url, told)).rejects.toMatchObject({ code: 'CUT_REVOKED' });
    const later = clientTlsOf({ ...pi, issuedAtMs: Date.now() + 31 * day }, none, expected);
    await expect(dial(url, later)).rejects.toMatchObject({ code: 'CUT_CERTIFICATE' });
  });

  it('does not take an address without encryption for one that was checked', async () => {
    const { url } = await serve(scheme.slice(0, -1), { tls: undefined as never });
    await expect(dial(url, asDevice(pi))).rejects.toMatchObject({ code: 'CUT_TLS' });
  });
});

describe('what is around a check', () => {
  it('holds for plain HTTP on a wss listener, too', async () => {
    const { url, log } = await serve('wss', { onHttp: (_, response) => response.end('secret') });
    const get = (options: https.RequestOptions) =>
      new Promise<string>((resolve, reject) => {
        const call = https.get(
          url.replace('wss', 'https'),
          { ...options, rejectUnauthorized: false },
          async (answer) => {
            let text = `${answer.statusCode} `;
            for await (const chunk of answer) text += chunk;
            resolve(text);
          },
        );
        call.on('error', reject);
      });
    expect(await get({})).toMatch(/^403 .*CUT_UNPAIRED/);
    expect(log[0]?.error.code).toBe('CUT_UNPAIRED');
    expect(await get({ cert: pi.certificate, key: pi.key })).toBe('200 secret');
  });

  it('holds for a session that is taken up again with the ticket of an earlier one', async () => {
    const stolen = await fleet.pair('stolen');
    const { url, log } = await serve('tcps');
    const { hostname, port } = new URL(url.replace('tcps', 'https'));
    const options = {
      host: hostname,
      port: Number(port),
      cert: stolen.certificate,
      key: stolen.key,
      rejectUnauthorized: false,
    };
    const first = tls.connect(options);
    const [session] = (await once(first, 'session')) as [Buffer];
    first.destroy();
    fleet.server.identities.revoke(deviceId.parse('stolen'));
    const second = tls.connect({ ...options, session });
    let told = '';
    second.on('data', (bytes: Buffer) => {
      told += bytes.toString('latin1');
    });
    const closed = once(second, 'close');
    await once(second, 'secureConnect');
    expect(second.isSessionReused()).toBe(true);
    await closed;
    expect(told).toContain('CUT_REVOKED');
    await expect.poll(() => log.map(({ error }) => error.code)).toContain('CUT_REVOKED');
  });

  it('refuses TLS 1.2 between devices, and logs a handshake that failed', async () => {
    const { url, log } = await serve('tcps');
    const { hostname, port } = new URL(url.replace('tcps', 'https'));
    const old = tls.connect({ host: hostname, port: Number(port), maxVersion: 'TLSv1.2', rejectUnauthorized: false });
    const [error] = (await once(old, 'error')) as [Error];
    expect(error.message).toMatch(/version|alert/i);
    await expect.poll(() => log[0]?.error.code).toBe('CUT_TLS');
  });

  it('needs an authority or a check where clients must show a certificate', async () => {
    const { check: _, ca: __, ...own } = fleet.server.listenTls();
    await expect(serve('tcps', { tls: own })).rejects.toMatchObject({ code: 'CUT_USAGE' });
  });

  it('can be left to the authority alone', async () => {
    const { check: _, ...own } = fleet.server.listenTls();
    const { url, log } = await serve('tcps', { tls: own });
    await using peer = await dial(url, { ...asDevice(pi), check: undefined });
    expect((await peer.request({ method: 'who' })).meta).toEqual({ device: null, role: null });
    await expect(dial(url, { ...asDevice(foreign), ca: pi.authority, check: undefined })).rejects.toHaveProperty(
      'code',
    );
    await expect.poll(() => log.map(({ error }) => error.code)).toContain('CUT_TLS');
  });
});
