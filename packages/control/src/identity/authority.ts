import { randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { CutpointError } from '@cutpoint/core';
import { type DeviceId, type FleetId, fleetId } from '../ids.js';
import type { DeviceRole } from '../store/devices.js';
import { keepAuthorityCertificate } from './authority-certificate.js';
import { algorithm, type KeyPair, keyPem, makeKeys } from './keys.js';
import { identityUri } from './names.js';
import { readPrivateFile, writePrivateFile } from './private-file.js';
import { x509 } from './x509.js';

const dayMs = 24 * 60 * 60_000;
/** How long a certificate is good for, counted from when it was made. */
export const lifetimeMs = 30 * dayMs;
/** That of a broker which other software runs: nothing renews it, so it lasts until people look at the machine again. */
export const brokerLifetimeMs = 730 * dayMs;
/** A certificate is valid this long before it was made, for clocks that are behind. */
export const backDatedMs = dayMs;
/** The authority itself has no dates that a wrong clock could miss (RFC 5280, 4.1.2.5: no well-defined expiration). */
const always = { notBefore: new Date('2000-01-01T00:00:00Z'), notAfter: new Date('9999-12-31T23:59:59Z') };

/** A certificate to be made. The authority puts in what stands here and nothing else. */
export interface CertificateOrder {
  readonly publicKey: webcrypto.CryptoKey;
  readonly device: DeviceId;
  readonly role: DeviceRole;
  /** Host names and addresses where the device is reached. */
  readonly hosts: readonly string[];
  readonly nowMs: number;
  /** How long it is good for. */
  readonly lifetimeMs: number;
}

export interface MadeCertificate {
  /** PEM. */
  readonly certificate: string;
  readonly serial: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

/** Makes the certificates of one fleet. */
export interface Authority {
  readonly fleet: FleetId;
  /** Its own certificate, PEM: what devices trust. */
  readonly certificate: string;
  make(order: CertificateOrder): Promise<MadeCertificate>;
  /** ECDSA on P-256 with SHA-256, as r and s one after the other. Certificates begin otherwise than what is signed here. */
  sign(bytes: Uint8Array): Promise<Uint8Array>;
}

/**
 * Opens the authority in a folder, or makes it (of the fleet `home`, if none is named): key and certificate are the file `authority.pem`,
 * for its owner alone; the certificate is `ca.pem` beside it as well, for everybody.
 * @throws CutpointError CUT_USAGE if others can reach the key or it is another fleet's; CUT_STORE if the file is damaged;
 *   CUT_FILE_NOT_FOUND, CUT_FILE_WRITE
 */
export async function openAuthority(folder: string, wanted?: FleetId): Promise<Authority> {
  const path = join(folder, 'authority.pem');
  const text = readPrivateFile(path) ?? (await makeAuthority(path, wanted ?? fleetId.parse('home')));
  const { key, certificate } = await readAuthority(path, text);
  const fleet = fleetId.parse(certificate.subjectName.getField('O')[0]);
  if (wanted !== undefined && wanted !== fleet) {
    const message = `${folder} belongs to the fleet ${fleet}, not to ${wanted}: name that fleet or another folder.`;
    throw new CutpointError('CUT_USAGE', message);
  }
  keepAuthorityCertificate(folder, certificate.toString('pem'));
  return {
    fleet,
    certificate: certificate.toString('pem'),
    make: (order) => certify(order, fleet, certificate, key),
    sign: async (bytes) => new Uint8Array(await webcrypto.subtle.sign(algorithm, key, Buffer.from(bytes))),
  };
}

async function makeAuthority(path: string, fleet: FleetId): Promise<string> {
  const keys: KeyPair = await makeKeys();
  const usages = x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: [{ O: [fleet] }, { CN: ['cutpoint authority'] }],
    ...always,
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(usages, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const text = `${await keyPem(keys)}\n${certificate.toString('pem')}\n`;
  writePrivateFile(path, text);
  return text;
}

async function readAuthority(
  path: string,
  text: string,
): Promise<{ key: webcrypto.CryptoKey; certificate: x509.X509Certificate }> {
  try {
    const [key, certificate] = x509.PemConverter.decode(text);
    if (key === undefined || certificate === undefined) throw new Error('it needs a key and a certificate');
    return {
      key: await webcrypto.subtle.importKey('pkcs8', key, algorithm, false, ['sign']),
      certificate: new x509.X509Certificate(certificate),
    };
  } catch (cause) {
    const message = `${path} does not hold the key and the certificate of an authority: restore a copy of it.`;
    throw new CutpointError('CUT_STORE', message, { cause });
  }
}

async function certify(
  { publicKey, device, role, hosts, nowMs, lifetimeMs: goodForMs }: CertificateOrder,
  fleet: FleetId,
  authority: x509.X509Certificate,
  signingKey: webcrypto.CryptoKey,
): Promise<MadeCertificate> {
  const serial = newSerial();
  const names = hosts.map((host) => ({ type: isIP(host) === 0 ? ('dns' as const) : ('ip' as const), value: host }));
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial,
    issuer: authority.subjectName,
    subject: [{ O: [fleet] }, { OU: [role] }, { CN: [device] }],
    notBefore: new Date(nowMs - backDatedMs),
    notAfter: new Date(nowMs + goodForMs),
    publicKey,
    signingKey,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth, x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([{ type: 'url', value: identityUri(fleet, device) }, ...names]),
      await x509.AuthorityKeyIdentifierExtension.create(authority),
    ],
  });
  const pem = certificate.toString('pem');
  return { certificate: `${pem}\n`, serial, issuedAtMs: nowMs, expiresAtMs: nowMs + goodForMs };
}

/** 16 bytes by chance; the first is neither negative nor zero, so that it has one way to be written. */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = 0x40 | ((bytes[0] ?? 0) & 0x3f);
  return bytes.toString('hex').toUpperCase();
}
