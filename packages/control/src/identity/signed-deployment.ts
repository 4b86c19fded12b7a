import { createHash, timingSafeEqual, verify, X509Certificate } from 'node:crypto';
import { CutpointError } from '@cutpoint/core';
import { z } from 'zod';
import { contentHash, type DeviceId, deviceId, type FleetId, fleetId, generation } from '../ids.js';
import type { DesiredState } from '../messages.js';

/** What is signed: all that a device shall run, as one generation. */
type Unsigned = Omit<DesiredState, 'signature'>;

/** Whom a deployment is for. */
export interface SignedFor {
  readonly fleet: FleetId;
  readonly device: DeviceId;
}

/** The only header there is: a signature that names another algorithm is none of ours. */
const header = base64url(JSON.stringify({ alg: 'ES256', typ: 'cutpoint-deployment' }));
const claims = z.strictObject({ fleet: fleetId, device: deviceId, generation, sha256: contentHash });

/**
 * Signs what a device shall run: a JWS in compact form (RFC 7515) by ES256 (RFC 7518, 3.4), over fleet, device, generation
 * and the SHA-256 of generation and assignments as canonical JSON (RFC 8785).
 * @param sign ECDSA on P-256 with SHA-256, as r and s one after the other
 */
export async function signDeployment(
  desired: Unsigned,
  { fleet, device }: SignedFor,
  sign: (bytes: Uint8Array) => Promise<Uint8Array>,
): Promise<string> {
  const { generation: signed } = desired;
  const payload = base64url(JSON.stringify({ fleet, device, generation: signed, sha256: hashOf(desired) }));
  const input = `${header}.${payload}`;
  return `${input}.${base64url(await sign(Buffer.from(input)))}`;
}

/**
 * Makes sure that the fleet's authority signed exactly this, for this device.
 * @param authority certificate of the authority, PEM
 * @throws CutpointError CUT_SIGNATURE
 */
export function verifyDeployment(
  { signature, ...desired }: DesiredState,
  { fleet, device, authority }: SignedFor & { readonly authority: string },
): void {
  if (signature === undefined) throw refused('it is not signed');
  const [head = '', payload = '', mark = '', ...rest] = signature.split('.');
  if (head !== header || rest.length > 0) throw refused('its signature is of another kind');
  const key = { key: new X509Certificate(authority).publicKey, dsaEncoding: 'ieee-p1363' as const };
  if (!verify('sha256', Buffer.from(`${head}.${payload}`), key, Buffer.from(mark, 'base64url'))) {
    throw refused(`its signature is not by the authority of the fleet ${fleet}`);
  }
  const signed = claims.safeParse(parsed(payload)).data;
  if (signed === undefined) throw refused('its signature says nothing that this version understands');
  if (signed.fleet !== fleet) throw refused(`it was signed for the fleet ${signed.fleet}`);
  if (signed.device !== device) throw refused(`it was signed for the device ${signed.device}`);
  if (signed.generation !== desired.generation) throw refused(`it was signed as generation ${signed.generation}`);
  if (!timingSafeEqual(Buffer.from(signed.sha256, 'hex'), Buffer.from(hashOf(desired), 'hex'))) {
    throw refused('it is not what was signed');
  }
}

function hashOf({ generation: which, assignments }: Unsigned): string {
  return createHash('sha256')
    .update(canonical({ generation: which, assignments }))
    .digest('hex');
}

/** JSON with the keys in order and nothing between (RFC 8785); members without a value are left out, as JSON does. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  const sorted = members.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(',')}}`;
}

function parsed(payload: string): unknown {
  try {
    return JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
  } catch {
    // Told as claims that are not understood.
    return undefined;
  }
}

function base64url(bytes: string | Uint8Array): string {
  const buffer =
    typeof bytes === 'string' ? Buffer.from(bytes) : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return buffer.toString('base64url');
}

function refused(why: string): CutpointError {
  const message = `What this device shall run is refused: ${why}. Deploy it again from the fleet's server.`;
  return new CutpointError('CUT_SIGNATURE', message);
}
