import { verify, webcrypto, X509Certificate } from 'node:crypto';
import { CutpointError } from '@cutpoint/core';
import { lifetimeMs } from '../identity/authority.js';
import type { Identities } from '../identity/identities.js';
import { algorithm } from '../identity/keys.js';
import type { FleetIdentity } from '../identity/names.js';
import type { PairingDesk } from '../identity/pairing-desk.js';
import { renewalDue } from '../identity/renewal.js';
import type { DeviceId } from '../ids.js';
import type { Introduction } from './page-messages.js';

type Paired = Exclude<Introduction, { type: 'name' }>;

/** A page that has proven who it is. */
export interface KnownPage {
  readonly device: DeviceId;
  readonly identity: FleetIdentity;
  /** PEM, where it gets a new one. */
  readonly certificate: string | undefined;
}

export interface PageProofOptions {
  readonly identities: Identities;
  readonly desk: PairingDesk;
  /** What was to be signed. */
  readonly text: string;
  /** The network address, for the audit log. */
  readonly from: string;
}

/**
 * Judges what a page says of itself: a code and a new key, or the certificate that it was given, and for both the signature that
 * proves the key. What is judged of a certificate is what is judged of any device's.
 * @throws CutpointError CUT_PAIRING, CUT_USAGE, CUT_UNPAIRED, CUT_CERTIFICATE, CUT_REVOKED
 */
export async function provePage(said: Paired, options: PageProofOptions): Promise<KnownPage> {
  return said.type === 'pair' ? await pair(said, options) : await join(said, options);
}

async function pair(
  { code, name, key, proof }: Extract<Paired, { type: 'pair' }>,
  { identities, desk, text, from }: PageProofOptions,
): Promise<KnownPage> {
  const publicKey = await importKey(Buffer.from(key, 'base64'));
  const holds = await webcrypto.subtle.verify(algorithm, publicKey, Buffer.from(proof, 'base64'), Buffer.from(text));
  if (!holds) throw new CutpointError('CUT_PAIRING', 'The page has not proven that it has its key: load it again.');
  const { device, certificate } = await desk.admitPage({ code, name, key: publicKey }, from);
  return { device, identity: identities.identify(new X509Certificate(certificate)), certificate };
}

async function importKey(der: Buffer): Promise<webcrypto.CryptoKey> {
  try {
    return await webcrypto.subtle.importKey('spki', der, algorithm, true, ['verify']);
  } catch (cause) {
    throw new CutpointError('CUT_PAIRING', 'The key of the page is none that is used here: load it again.', { cause });
  }
}

async function join(
  { certificate: pem, proof }: Extract<Paired, { type: 'join' }>,
  { identities, text, from }: PageProofOptions,
): Promise<KnownPage> {
  const shown = readCertificate(pem);
  const identity = identities.identify(shown);
  const key = { key: shown.publicKey, dsaEncoding: 'ieee-p1363' as const };
  if (identity.role !== 'agent' || !verify('sha256', Buffer.from(text), key, Buffer.from(proof, 'base64'))) {
    const message = `A page shows the certificate of ${identity.device} and has not proven that it is its own.`;
    identities.noteRefusal('identity-refused', from, message, { hourly: true });
    throw new CutpointError('CUT_UNPAIRED', `${message} Pair it with cutpoint pair --new.`);
  }
  const { device } = identity;
  const ageMs = identities.nowMs() - (Date.parse(shown.validTo) - lifetimeMs);
  if (!renewalDue({ ageMs, lifetimeMs })) return { device, identity, certificate: undefined };
  const publicKey = await importKey(shown.publicKey.export({ type: 'spki', format: 'der' }));
  return { device, identity, certificate: (await identities.renew(identity, publicKey)).certificate };
}

function readCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new CutpointError('CUT_UNPAIRED', 'The page shows no certificate: pair it with cutpoint pair --new.', {
      cause,
    });
  }
}
