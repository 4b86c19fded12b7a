import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import {
  deviceId,
  type FleetServer,
  identityHandler,
  openFleetServer,
  pairDevice,
  saveIdentity,
} from '@cutpoint/control';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { findServer } from './find-server.js';
import { openServerApi } from './server-api.js';

const signal = AbortSignal.timeout(60_000);
const answer = z.object({ shown: z.string() });

let folder = '';
let fleet: FleetServer;
let listener: https.Server;
let url = '';
const state = () => join(folder, 'of-pi');

/** A server that tells who showed a certificate, and lets nobody do more. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cutpoint-api-'));
  fleet = await openFleetServer({
    folder: join(folder, 'server'),
    device: deviceId.parse('server'),
    hosts: ['127.0.0.1'],
  });
  const handle = identityHandler(fleet.identities, fleet.desk);
  listener = https.createServer(fleet.httpsTls(), (request, response) => {
    if (handle(request, response)) return;
    const { socket, url: path = '' } = request;
    const shown = socket instanceof TLSSocket ? (socket.getPeerX509Certificate()?.subject ?? '') : '';
    const status = path === '/v1/devices' ? 200 : path === '/v1/status' ? 401 : 403;
    response
      .writeHead(status)
      .end(JSON.stringify(status === 200 ? { shown } : { error: 'No.', code: 'CUT_FORBIDDEN' }));
  });
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  url = `https://127.0.0.1:${(listener.address() as AddressInfo).port}`;
  const { code } = await fleet.desk.open({ device: deviceId.parse('pi-1') });
  saveIdentity(join(state(), 'device'), (await pairDevice({ url, code, signal })).identity);
}, 60_000);
afterAll(async () => {
  listener.closeAllConnections();
  listener.close();
  fleet[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
});

describe('on a paired device', () => {
  it('a verb finds the server and shows it the certificate of the device', async () => {
    const api = await openServerApi({ state: state() }, signal);
    const { shown } = await api.ask({ method: 'GET', path: '/v1/devices', answer });
    expect([api.url, shown]).toEqual([url, expect.stringContaining('CN=pi-1')]);
  });

  it('one that wants more is told to make a token, and of which scope', async () => {
    const api = await openServerApi({ state: state() }, signal);
    const deployed = api.ask({ method: 'POST', path: '/v1/rollback', json: {}, answer });
    await expect(deployed).rejects.toMatchObject({
      code: 'CUT_FORBIDDEN',
      message: expect.stringContaining('cutpoint token new --scope deploy'),
    });
    await expect(api.ask({ method: 'GET', path: '/v1/status', answer })).rejects.toMatchObject({
      code: 'CUT_UNAUTHORISED',
      message: expect.stringMatching(/does not take this device's certificate.*--scope read/),
    });
  });
});

describe('on another machine', () => {
  it('no certificate is shown, and who is not known is told to make a token', async () => {
    const ca = join(folder, 'server', 'ca.pem');
    const api = await openServerApi({ server: url, ca, state: join(folder, 'nobody') }, signal);
    expect(await api.ask({ method: 'GET', path: '/v1/devices', answer })).toEqual({ shown: '' });
    await expect(api.ask({ method: 'GET', path: '/v1/status', answer })).rejects.toMatchObject({
      message: expect.stringMatching(/wants a token: .*cutpoint token new --scope read/),
    });
  });

  it('a private key is not taken for an authority', async () => {
    const ca = join(folder, 'server', 'authority.pem');
    await expect(openServerApi({ server: url, ca }, signal)).rejects.toMatchObject({ code: 'CUT_USAGE' });
  });

  it('where nothing answers, the sentence says what was looked for and how to name another', async () => {
    const { ifAway } = await findServer({ state: join(folder, 'nobody') }, signal);
    for (const word of [join(folder, 'nobody'), 'http://127.0.0.1:7480', '--state', '--server'])
      expect(ifAway).toContain(word);
    const api = await openServerApi({ server: 'http://127.0.0.1:1', state: join(folder, 'nobody') }, signal);
    await expect(api.ask({ method: 'GET', path: '/v1/devices', answer })).rejects.toMatchObject({
      code: 'CUT_UNREACHABLE',
      message: expect.stringContaining('http://127.0.0.1:1 '),
    });
  });
});

describe('on a device that was revoked', () => {
  it('a verb says so, and how it is let in again', async () => {
    fleet.identities.revoke(deviceId.parse('pi-1'));
    const api = await openServerApi({ state: state() }, signal);
    await expect(api.ask({ method: 'GET', path: '/v1/status', answer })).rejects.toMatchObject({
      code: 'CUT_REVOKED',
      message: expect.stringMatching(/This device was revoked.*cutpoint pair --new/),
    });
  });
});
