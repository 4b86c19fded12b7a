import { X509Certificate } from 'node:crypto';
import { type CancelSignal, CutpointError } from '@cutpoint/core';
import type { DeviceId } from '../ids.js';
import { fleetCheck } from './check-peer.js';
import { clockOffsetMs } from './clock.js';
import type { DeviceIdentity } from './device-identity.js';
import { dialSecure, exchange, serverUrl } from './identity-client.js';
import { identityPaths } from './identity-handler.js';
import { certificateRequest, type KeyPair, keyHash, keyPem, makeKeys } from './keys.js';
import { identityOf } from './names.js';
import { keysOf } from './pairing-code.js';
import { makeRequest, openReply, type PairingGrant, pairingReply } from './pairing-messages.js';

export interface PairOptions {
  /** `https://host:port` of the server. */
  readonly url: string;
  readonly code: string;
  /** What the device would like to be called; a name that the code was made for goes first. */
  readonly name?: DeviceId;
  /** Should have a deadline: a guess at the code must not take longer. */
  readonly signal: CancelSignal;
}

export interface Paired {
  readonly identity: DeviceIdentity;
  /** How far the clock here is behind the server's. */
  readonly clockOffsetMs: number;
}

/**
 * Pairs this device: makes a key, which never leaves it, and gets a certificate for it (the protocol is in
 * docs/security.md). Nothing is written. Works with a wrong clock.
 * @throws CutpointError CUT_PAIRING if the code is refused or the other side does not know it; CUT_UNREACHABLE, CUT_USAGE
 */
export async function pairDevice({ url: given, code, name, signal }: PairOptions): Promise<Paired> {
  const url = serverUrl(given);
  const keys = await keysOf(code);
  const pair = await makeKeys();
  const request = await certificateRequest(pair);
  const socket = await dialSecure({ url, tls: {}, signal });
  const shown = socket.getPeerX509Certificate();
  if (shown === undefined) throw new CutpointError('CUT_TLS', `${url} shows no certificate.`);
  const serverKeyHash = keyHash(shown.publicKey);
  const message = makeRequest(keys, serverKeyHash, { request, ...(name === undefined ? {} : { name }) });
  const sentAtMs = Date.now();
  const reply = await exchange(socket, {
    method: 'POST',
    path: identityPaths.pair,
    body: message,
    schema: pairingReply,
    signal,
  });
  const receivedAtMs = Date.now();
  const grant = openReply(keys, serverKeyHash, message, reply);
  const key = await keyPem(pair);
  const serverDevice = await checkGrant(grant, pair, shown);
  const { fleet, device, role, certificate, authority, lifetimeMs, nowMs: issuedAtMs, broker } = grant;
  return {
    identity: {
      version: 1,
      fleet,
      device,
      role,
      server: url,
      serverDevice,
      ...(broker !== undefined && { broker }),
      key,
      certificate,
      authority,
      lifetimeMs,
      issuedAtMs,
      receivedAtMs,
    },
    clockOffsetMs: clockOffsetMs(grant.nowMs, sentAtMs, receivedAtMs),
  };
}

/** The server knew the code; this finds its mistakes, by its own clock. */
async function checkGrant(grant: PairingGrant, { publicKey }: KeyPair, server: X509Certificate): Promise<DeviceId> {
  const { fleet, device, role, authority, nowMs } = grant;
  const check = fleetCheck({ fleet, authority, nowMs: () => nowMs, standing: () => 'valid' });
  const own = new X509Certificate(grant.certificate);
  check({ certificate: own, host: undefined });
  check({ certificate: server, host: undefined });
  const other = identityOf(server);
  if (other?.role !== 'server') {
    throw new CutpointError('CUT_PAIRING', 'The other side is no server of the fleet that it let this device into.');
  }
  const identity = identityOf(own);
  const raw = Buffer.from(await crypto.subtle.exportKey('spki', publicKey));
  if (
    identity?.device !== device ||
    identity.role !== role ||
    !own.publicKey.export({ type: 'spki', format: 'der' }).equals(raw)
  ) {
    throw new CutpointError('CUT_PAIRING', 'The certificate that came is not for this device.');
  }
  return other.device;
}
