import { hkdfSync, randomBytes, scrypt } from 'node:crypto';
import { CutpointError } from '@cutpoint/core';

/** Crockford's base 32: no letter that is taken for a digit. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const digits = 12;
/** 32 MiB and about a tenth of a second on a desktop: what one guess at a code costs somebody who heard a proof. */
const cost = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };
const salt = 'cutpoint pairing v1';

/** Keys that both sides make of the code. */
export interface PairingKeys {
  /** Names the code to the server. */
  readonly id: string;
  /** With this the device proves that it knows the code. */
  readonly device: Uint8Array;
  /** With this the server does. */
  readonly server: Uint8Array;
}

/** A one-time code of 60 bits by chance, for example `7K3M-Q2XN-P8VD`. */
export function newCode(): string {
  // 256 is a multiple of 32: every digit is as likely.
  const code = [...randomBytes(digits)].map((byte) => alphabet[byte % alphabet.length]).join('');
  return `${code.slice(0, 4)}-${code.slice(4, 8)}-${code.slice(8)}`;
}

/** The digits of a code as a person typed it. @throws CutpointError CUT_USAGE if it cannot be one */
export function readCode(text: string): string {
  const code = text.toUpperCase().replace(/[\s-]/g, '').replace(/O/g, '0').replace(/[IL]/g, '1');
  if (code.length === digits && [...code].every((digit) => alphabet.includes(digit))) return code;
  throw new CutpointError('CUT_USAGE', 'A pairing code has 12 letters and digits, such as 7K3M-Q2XN-P8VD: check it.');
}

/** The keys of a code. @throws CutpointError CUT_USAGE if it cannot be a code */
export async function keysOf(text: string): Promise<PairingKeys> {
  const code = readCode(text);
  const secret = await new Promise<Buffer>((resolve, reject) => {
    scrypt(code, salt, 32, cost, (error, key) => (error === null ? resolve(key) : reject(error)));
  });
  const part = (info: string, length: number): Buffer => Buffer.from(hkdfSync('sha256', secret, salt, info, length));
  return { id: part('id', 16).toString('hex'), device: part('device', 32), server: part('server', 32) };
}
