import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { CutpointError } from '@cutpoint/core';
import type { PeerCheck } from '@cutpoint/wire';
import type { DeviceId, FleetId } from '../ids.js';
import type { DeviceRole } from '../store/devices.js';
import { type FleetIdentity, identityOf } from './names.js';

const serverAuth = '1.3.6.1.5.5.7.3.1';
const clientAuth = '1.3.6.1.5.5.7.3.2';

/** What a certificate is judged by. */
export interface FleetRules {
  readonly fleet: FleetId;
  /** The certificate of the authority, PEM. */
  readonly authority: string;
  /** The time that certificates must not have expired at: see `trustedNowMs`. */
  readonly nowMs: () => number;
  /** What is known of a certificate: a server knows all that were made, a device those that it was told are revoked. */
  readonly standing: (serial: string) => 'valid' | 'revoked' | 'unknown';
}

/** Whom one side means to talk to. */
export interface Expectation {
  /** Without it, the certificate of a side that was connected to must name the host. */
  readonly device?: DeviceId;
  readonly role?: DeviceRole;
}

/**
 * A check for `listen` and `connect`: the other side must have a certificate of the fleet that is neither expired nor
 * revoked and for both directions. It may begin in the future: the authority makes none such, so the clock here is behind.
 * @throws CutpointError (the check) CUT_UNPAIRED, CUT_CERTIFICATE, CUT_REVOKED
 */
export function fleetCheck(rules: FleetRules, expected: Expectation = {}): PeerCheck {
  const authority = new X509Certificate(rules.authority);
  return ({ certificate, host }) => {
    const { genuine, identity } = readGenuine(certificate, authority, rules.fleet);
    checkPurposeAndDate(genuine, identity, rules.nowMs());
    checkStanding(identity, rules.standing(identity.serial));
    checkExpected(genuine, identity, expected, host);
    return identity;
  };
}

/** Whom a broker may be: a server of the fleet, or whoever has a certificate of the fleet for the host. */
export function brokerCheck(check: PeerCheck): PeerCheck {
  return (shown) => {
    const who = check({ ...shown, host: undefined });
    return who.role === 'server' ? who : check(shown);
  };
}

/** @throws CutpointError CUT_UNPAIRED if the certificate is not one that the authority made for a device of the fleet */
function readGenuine(
  certificate: X509Certificate | undefined,
  authority: X509Certificate,
  fleet: FleetId,
): { genuine: X509Certificate; identity: FleetIdentity } {
  if (certificate === undefined) throw unpaired(`it shows no certificate of the fleet ${fleet}`);
  if (certificate.ca || !certificate.checkIssued(authority) || !certificate.verify(authority.publicKey)) {
    throw unpaired(`its certificate is not by the authority of the fleet ${fleet}`);
  }
  const identity = identityOf(certificate);
  if (identity === undefined || identity.fleet !== fleet) throw unpaired(`its certificate names no device of ${fleet}`);
  return { genuine: certificate, identity };
}

function checkPurposeAndDate({ keyUsage, validTo }: X509Certificate, { device }: FleetIdentity, nowMs: number): void {
  // What Node calls so are the extended usages.
  const usages: readonly string[] = keyUsage ?? [];
  if (!usages.includes(serverAuth) || !usages.includes(clientAuth)) {
    throw new CutpointError('CUT_CERTIFICATE', `The certificate of ${device} was not made for this purpose.`);
  }
  if (Date.parse(validTo) > nowMs) return;
  const message = `The certificate of ${device} expired at ${new Date(validTo).toISOString()}, and it is ${new Date(nowMs).toISOString()} here: check both clocks; if they are right, pair the device again.`;
  throw new CutpointError('CUT_CERTIFICATE', message);
}

function checkStanding({ device, serial }: FleetIdentity, standing: 'valid' | 'revoked' | 'unknown'): void {
  if (standing === 'valid') return;
  if (standing === 'revoked') {
    throw new CutpointError(
      'CUT_REVOKED',
      `The certificate ${serial} of ${device} was revoked: pair it again, if it may.`,
    );
  }
  throw unpaired(`the certificate ${serial} of ${device} is not known here`);
}

function checkExpected(
  certificate: X509Certificate,
  identity: FleetIdentity,
  expected: Expectation,
  host: string | undefined,
): void {
  const { device, role } = expected;
  if (device !== undefined && device !== identity.device) {
    throw new CutpointError('CUT_CERTIFICATE', `This is ${identity.device}, not ${device}: check the address.`);
  }
  if (role !== undefined && role !== identity.role) {
    throw new CutpointError('CUT_CERTIFICATE', `${identity.device} is no ${role}, but a ${identity.role}.`);
  }
  if (device !== undefined || host === undefined) return;
  const named = isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host);
  if (named === undefined) {
    const message = `The certificate of ${identity.device} is not for ${host}: it names ${certificate.subjectAltName}.`;
    throw new CutpointError('CUT_CERTIFICATE', message);
  }
}

function unpaired(why: string): CutpointError {
  return new CutpointError('CUT_UNPAIRED', `The other side is refused: ${why}. Pair it with cutpoint pair.`);
}
