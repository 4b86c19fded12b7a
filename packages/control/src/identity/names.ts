import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { z } from 'zod';
import { type DeviceId, deviceId, type FleetId, fleetId } from '../ids.js';
import { type DeviceRole, deviceRole } from '../store/devices.js';

/** Who a certificate speaks for. */
export interface FleetIdentity {
  readonly fleet: FleetId;
  readonly device: DeviceId;
  readonly role: DeviceRole;
  /** Of the certificate, in uppercase hexadecimal. */
  readonly serial: string;
}

const dnsName = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;

/** A host name in lower case, or an IP address, as it may stand in a certificate. */
export const hostName = z
  .string()
  .refine((text) => isIP(text) !== 0 || dnsName.test(text), 'must be a host name in lower case or an IP address');

/** The most hosts of one certificate. */
export const maxHosts = 32;

/** What the certificates of a device carry as its URI. */
export function identityUri(fleet: FleetId, device: DeviceId): string {
  return `cutpoint:${fleet}/${device}`;
}

/**
 * Who a certificate speaks for, as far as it is one of ours: whether it is genuine has to be checked first. Undefined if
 * it does not name exactly one device.
 */
export function identityOf(certificate: X509Certificate): FleetIdentity | undefined {
  const uris = (certificate.subjectAltName ?? '').split(', ').filter((name) => name.startsWith('URI:'));
  const [, fleet, device] = /^URI:cutpoint:([^/]+)\/([^/]+)$/.exec(uris[0] ?? '') ?? [];
  const role = /^OU=(.*)$/m.exec(certificate.subject)?.[1];
  const parsed = z.object({ fleet: fleetId, device: deviceId, role: deviceRole }).safeParse({ fleet, device, role });
  if (uris.length !== 1 || !parsed.success) return undefined;
  return { ...parsed.data, serial: certificate.serialNumber };
}
