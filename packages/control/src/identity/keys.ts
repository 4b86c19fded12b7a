import { createHash, type KeyObject, webcrypto } from 'node:crypto';
import { CutpointError } from '@cutpoint/core';
import { x509 } from './x509.js';

/** What the fleet signs with: small keys, quick on a Raspberry Pi, known to every TLS library. */
export const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

export type KeyPair = webcrypto.CryptoKeyPair;

/** A fresh key pair. */
export function makeKeys(): Promise<KeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

/** The private key as PEM (PKCS #8). */
export async function keyPem({ privateKey }: KeyPair): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', privateKey), 'PRIVATE KEY');
}

/** A request for a certificate (PKCS #10, DER): proves that who asks has the private key. */
export async function certificateRequest(keys: KeyPair): Promise<Uint8Array> {
  const generator = x509.Pkcs10CertificateRequestGenerator;
  // Names and extensions are the authority's to choose: the request carries none.
  const request = await generator.create({ keys, signingAlgorithm: algorithm });
  return new Uint8Array(request.rawData);
}

/** The public key of a request. @throws CutpointError CUT_PAIRING if it is broken, not signed by its key, or not P-256 */
export async function keyOfRequest(request: Uint8Array): Promise<webcrypto.CryptoKey> {
  try {
    const parsed = new x509.Pkcs10CertificateRequest(Buffer.from(request));
    const key = await parsed.publicKey.export(algorithm, ['verify']);
    if (await parsed.verify()) return key;
  } catch (cause) {
    throw new CutpointError('CUT_PAIRING', 'The request for a certificate cannot be read.', { cause });
  }
  throw new CutpointError('CUT_PAIRING', 'The request for a certificate is not signed by the key that it names.');
}

/** SHA-256 of a public key as it stands in certificates (SubjectPublicKeyInfo). */
export function keyHash(key: KeyObject): Buffer {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest();
}
