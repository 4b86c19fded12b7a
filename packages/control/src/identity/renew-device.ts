import { X509Certificate } from 'node:crypto';
import { type CancelSignal, CutpointError } from '@cutpoint/core';
import { z } from 'zod';
import { deviceId } from '../ids.js';
import { brokerPlace } from './broker-place.js';
import { clientTlsOf, type DeviceIdentity } from './device-identity.js';
import { dialSecure, exchange } from './identity-client.js';
import { identityPaths } from './identity-handler.js';
import { certificateRequest, keyPem, makeKeys } from './keys.js';

const renewal = z.object({ certificate: z.string().max(4096), nowMs: z.number(), lifetimeMs: z.number().positive() });
const advice = z.object({
  nowMs: z.number(),
  renew: z.boolean(),
  revoked: z.array(z.string().max(64)).max(100_000),
  /** An older server does not tell them. */
  revokedDevices: z.array(deviceId).max(100_000).default([]),
  broker: brokerPlace.optional(),
});
export type IdentityAdvice = z.output<typeof advice>;

/** What the server says: whether to renew, which certificates to refuse, and what time it is. @throws CutpointError */
export async function askAdvice(identity: DeviceIdentity, signal: CancelSignal): Promise<IdentityAdvice> {
  const socket = await dialServer(identity, signal);
  return await exchange(socket, { method: 'GET', path: identityPaths.advice, schema: advice, signal });
}

/** A new key and a certificate for it. Nothing is written. @throws CutpointError CUT_REVOKED, CUT_UNREACHABLE, ... */
export async function renewDevice(identity: DeviceIdentity, signal: CancelSignal): Promise<DeviceIdentity> {
  const pair = await makeKeys();
  const request = Buffer.from(await certificateRequest(pair)).toString('base64');
  const socket = await dialServer(identity, signal);
  const body = { request };
  const got = await exchange(socket, { method: 'POST', path: identityPaths.renew, body, schema: renewal, signal });
  const key = await keyPem(pair);
  const { certificate, nowMs: issuedAtMs, lifetimeMs } = got;
  if (!new X509Certificate(certificate).verify(new X509Certificate(identity.authority).publicKey)) {
    throw new CutpointError('CUT_UNPAIRED', 'The new certificate is not by the authority of the fleet.');
  }
  return { ...identity, key, certificate, lifetimeMs, issuedAtMs, receivedAtMs: Date.now() };
}

function dialServer(identity: DeviceIdentity, signal: CancelSignal) {
  const tls = clientTlsOf(identity, new Set(), { device: identity.serverDevice, role: 'server' });
  return dialSecure({ url: identity.server, tls, signal });
}
