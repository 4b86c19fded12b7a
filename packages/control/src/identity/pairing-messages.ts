import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { CutpointError } from '@cutpoint/core';
import { z } from 'zod';
import { deviceId, fleetId } from '../ids.js';
import { deviceRole } from '../store/devices.js';
import { brokerPlace } from './broker-place.js';
import type { PairingKeys } from './pairing-code.js';

/** The longest message of either side, in bytes. */
export const maxPairingBytes = 16 * 1024;

const base64 = z
  .string()
  .max(4096)
  .regex(/^[A-Za-z0-9+/]*={0,2}$/);
const mac = z.string().regex(/^[0-9a-f]{64}$/);

/** What a device sends: who has the code shall make it a certificate. */
export const pairingRequest = z.strictObject({
  version: z.literal(1),
  id: z.string().regex(/^[0-9a-f]{32}$/),
  nonce: z.string().regex(/^[0-9a-f]{32}$/),
  /** What the device would like to be called, if the code does not say. */
  name: deviceId.optional(),
  /** Request for a certificate: PKCS #10, DER, base 64. */
  request: base64,
  proof: mac,
});
export type PairingRequest = z.output<typeof pairingRequest>;

/** What the server grants. */
export const pairingGrant = z.object({
  fleet: fleetId,
  device: deviceId,
  role: deviceRole,
  /** PEM. */
  certificate: z.string().max(4096),
  /** The certificate of the authority, PEM. */
  authority: z.string().max(4096),
  /** The server's clock, and how long the certificate is good for. */
  nowMs: z.number(),
  lifetimeMs: z.number().positive(),
  broker: brokerPlace.optional(),
});
export type PairingGrant = z.output<typeof pairingGrant>;

/** The grant as the text that `proof` is about. */
export const pairingReply = z.strictObject({ grant: z.string().max(maxPairingBytes), proof: mac });
export type PairingReply = z.output<typeof pairingReply>;

/**
 * The device's message.
 * @param serverKeyHash SHA-256 of the public key that the other end of this TLS connection has: that of somebody in
 *   between differs from the server's, and the proof then fails there
 */
export function makeRequest(
  keys: PairingKeys,
  serverKeyHash: Uint8Array,
  asked: { readonly name?: PairingRequest['name']; readonly request: Uint8Array },
): PairingRequest {
  const nonce = randomBytes(16).toString('hex');
  const request = Buffer.from(asked.request).toString('base64');
  const unsigned = {
    version: 1 as const,
    id: keys.id,
    nonce,
    request,
    ...(asked.name === undefined ? {} : { name: asked.name }),
  };
  return { ...unsigned, proof: proofOfRequest(keys, serverKeyHash, unsigned) };
}

/** Whether the device knows the code and speaks to the server itself. Takes the same time wherever a proof is wrong. */
export function isGenuineRequest(keys: PairingKeys, serverKeyHash: Uint8Array, request: PairingRequest): boolean {
  return equal(request.proof, proofOfRequest(keys, serverKeyHash, request));
}

/** The server's message: it proves in turn that the server knows the code, and what it grants to this request. */
export function makeReply(
  keys: PairingKeys,
  serverKeyHash: Uint8Array,
  request: PairingRequest,
  grant: PairingGrant,
): PairingReply {
  const text = JSON.stringify(grant);
  return { grant: text, proof: proofOfReply(keys, serverKeyHash, request, text) };
}

/** @throws CutpointError CUT_PAIRING if the other side does not know the code, or answers another request */
export function openReply(
  keys: PairingKeys,
  serverKeyHash: Uint8Array,
  request: PairingRequest,
  reply: PairingReply,
): PairingGrant {
  if (!equal(reply.proof, proofOfReply(keys, serverKeyHash, request, reply.grant))) {
    const message =
      'The other side does not know the code: it is not the server, or somebody is in between. Nothing was accepted.';
    throw new CutpointError('CUT_PAIRING', message);
  }
  return pairingGrant.parse(JSON.parse(reply.grant));
}

function proofOfRequest(keys: PairingKeys, serverKeyHash: Uint8Array, request: Omit<PairingRequest, 'proof'>): string {
  const { version, id, nonce, name, request: asked } = request;
  return macOf(keys.device, 'device', serverKeyHash, `${version}`, id, nonce, name ?? '', asked);
}

function proofOfReply(keys: PairingKeys, serverKeyHash: Uint8Array, request: PairingRequest, grant: string): string {
  // The device's proof stands for all of its message.
  return macOf(keys.server, 'server', serverKeyHash, request.proof, grant);
}

/** Each part goes in with its length: no two lists of parts give the same bytes. */
function macOf(key: Uint8Array, ...parts: (string | Uint8Array)[]): string {
  const hmac = createHmac('sha256', key);
  for (const part of parts) {
    const bytes = typeof part === 'string' ? Buffer.from(part) : part;
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.length);
    hmac.update(length).update(bytes);
  }
  return hmac.digest('hex');
}

function equal(given: string, expected: string): boolean {
  return timingSafeEqual(Buffer.from(given, 'hex'), Buffer.from(expected, 'hex'));
}
