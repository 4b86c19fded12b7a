import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { askLocally, type DesiredState, deviceId, generation } from '@cutpoint/control';
import { openLog } from '@cutpoint/daemon';
import { connect, listen } from '@cutpoint/wire';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type FleetSecurity, openFleetSecurity } from './fleet-security.js';

const dayMs = 86_400_000;
const device = deviceId.parse('server');
const log = openLog({ name: 'test', level: 'silent', format: 'json' });

let folder: string;
let nowMs: number;
let security: FleetSecurity;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cutpoint-server-'));
  nowMs = Date.now();
  security = await openFleetSecurity({ folder, device, log, nowMs: () => nowMs });
});
afterEach(async () => {
  await security[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

it('what listens shows a new certificate when it is time, and not before; open connections go on', async () => {
  const { tls, onListening } = security.wire;
  await using listener = await listen({ url: 'wss://127.0.0.1:0', tls, handler: async () => ({}) });
  onListening(listener);
  let renewals = 0;
  security.guard({ renew: () => renewals++ });
  const dial = () => connect({ url: listener.url, tls: security.tlsFor(device), connectTimeoutMs: 10_000 });
  await using before = await dial();
  await security.renew();
  expect(renewals).toBe(0);
  nowMs += 21 * dayMs;
  await security.renew();
  expect(renewals).toBe(1);
  await using after = await dial();
  expect(after.remote.identity?.serial).not.toBe(before.remote.identity?.serial);
  await before.request({ method: 'x' });
});

it('whoever is revoked by the verbs of the owner is taken from all that is open', async () => {
  const revoked: string[] = [];
  security.guard({ renew: () => {}, revoked: (one) => revoked.push(one) });
  const lost = deviceId.parse('lost');
  security.server.store.devices.put({ device: lost, role: 'agent', hosts: [], pairedAtMs: nowMs });
  const answer = await askLocally(folder, { action: 'revoke-device', device: lost }, AbortSignal.timeout(10_000));
  expect([answer, revoked]).toEqual([{ device: 'lost', serials: [], unconfirmed: [] }, ['lost']]);
});

it('what is deployed to the server itself has to be signed for it', async () => {
  const desired = { generation: generation.parse(3), assignments: [] };
  const signature = await security.sign(desired, device);
  const verify = (signed: DesiredState) => () => security.verify(signed, device);
  const refused = expect.objectContaining({ code: 'CUT_SIGNATURE' });
  expect(verify({ ...desired, signature })).not.toThrow();
  const other = await security.sign(desired, deviceId.parse('pi-1'));
  expect(verify({ ...desired, signature: other })).toThrow(refused);
  expect(verify(desired)).toThrow(refused);
});

it('codes for pairing are made where devices can use them alone', async () => {
  const offer = () => askLocally(folder, { action: 'offer' }, AbortSignal.timeout(10_000));
  security.server.identities.places.api = 'http://127.0.0.1:7480';
  await expect(offer()).rejects.toMatchObject({ code: 'CUT_PAIRING', message: expect.stringContaining('--lan') });
  security.server.identities.places.api = 'https://127.0.0.1:7480';
  expect(await offer()).toHaveProperty('code');
});
