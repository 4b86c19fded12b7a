import { join } from 'node:path';
import { CutpointError } from '@cutpoint/core';
import type { ClientTls, PeerCheck, ServerTls } from '@cutpoint/wire';
import { z } from 'zod';
import { deviceId, fleetId } from '../ids.js';
import { deviceRole } from '../store/devices.js';
import { keepAuthorityCertificate } from './authority-certificate.js';
import { brokerPlace } from './broker-place.js';
import { brokerCheck, type Expectation, fleetCheck } from './check-peer.js';
import { readPrivateFile, writePrivateFile } from './private-file.js';

const deviceIdentity = z.object({
  version: z.literal(1),
  fleet: fleetId,
  device: deviceId,
  role: deviceRole,
  /** Where it paired: https://host:port. */
  server: z.string().max(512),
  /** The server that it paired with. */
  serverDevice: deviceId,
  broker: brokerPlace.optional(),
  /** PEM, all three. */
  key: z.string().max(4096),
  certificate: z.string().max(4096),
  authority: z.string().max(4096),
  lifetimeMs: z.number().positive(),
  /** When the certificate was made, by the server's clock. */
  issuedAtMs: z.number(),
  /** When it came, by the device's own clock, right or wrong: for how long ago that is. */
  receivedAtMs: z.number(),
});
/** What a device keeps of its pairing: one file, replaced as a whole at each renewal. */
export type DeviceIdentity = z.output<typeof deviceIdentity>;

/** @throws CutpointError CUT_USAGE if others can reach the key; CUT_STORE if the file is damaged. Undefined: not paired. */
export function loadIdentity(folder: string): DeviceIdentity | undefined {
  const path = join(folder, 'identity.json');
  const text = readPrivateFile(path);
  if (text === undefined) return undefined;
  try {
    return deviceIdentity.parse(JSON.parse(text));
  } catch (cause) {
    throw new CutpointError('CUT_STORE', `${path} is damaged: remove it and pair the device again.`, { cause });
  }
}

/** Saves it, and the authority's certificate as `ca.pem` beside it. @throws CutpointError CUT_FILE_WRITE */
export function saveIdentity(folder: string, identity: DeviceIdentity): void {
  keepAuthorityCertificate(folder, identity.authority);
  writePrivateFile(join(folder, 'identity.json'), `${JSON.stringify(identity, null, 2)}\n`);
}

/**
 * The time to judge certificates by: never before the device's own certificate was made, which the authority has
 * signed. A Pi that wakes in 1970 thus neither refuses its server nor accepts what expired before its last renewal.
 */
export function trustedNowMs({ issuedAtMs }: Pick<DeviceIdentity, 'issuedAtMs'>, clockMs: number = Date.now()): number {
  return Math.max(clockMs, issuedAtMs);
}

/** TLS of a paired device that connects to others of its fleet. */
export function clientTlsOf(
  identity: DeviceIdentity,
  revoked: ReadonlySet<string>,
  expected: Expectation = {},
): ClientTls & ServerTls & { readonly check: PeerCheck } {
  const { fleet, authority, key, certificate } = identity;
  return {
    cert: certificate,
    key,
    ca: authority,
    minVersion: 'TLSv1.3',
    check: fleetCheck(
      {
        fleet,
        authority,
        nowMs: () => trustedNowMs(identity),
        standing: (serial) => (revoked.has(serial) ? 'revoked' : 'valid'),
      },
      expected,
    ),
  };
}

/**
 * TLS of a paired device that connects to the broker of its fleet: to a server of the fleet, or to whoever has a
 * certificate of the fleet for that host.
 */
export function brokerTlsOf(identity: DeviceIdentity, revoked: ReadonlySet<string>): ClientTls {
  const { check, ...own } = clientTlsOf(identity, revoked);
  return { ...own, check: brokerCheck(check) };
}

/** TLS of a paired device that listens for others of its fleet. */
export function serverTlsOf(identity: DeviceIdentity, revoked: ReadonlySet<string>): ServerTls {
  return { ...clientTlsOf(identity, revoked), requireClient: true };
}
