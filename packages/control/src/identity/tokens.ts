import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { CutpointError } from '@cutpoint/core';
import type { Store } from '../store/store.js';
import type { Scope } from '../store/tokens.js';

const pattern = /^cut_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;
/** What an unknown token is compared with, so that it takes as long as a known one. */
const nobody = { salt: Buffer.alloc(16), hash: Buffer.alloc(32) };

export interface NewToken {
  /** For people: what it is for. */
  readonly label: string;
  readonly scopes: readonly Scope[];
  /** None: until it is revoked. */
  readonly lifetimeMs?: number;
}

/** Who a valid token speaks for. */
export interface TokenHolder {
  readonly id: string;
  readonly label: string;
  readonly scopes: readonly Scope[];
}

/**
 * Makes a token. It is told this once: the store keeps a salted SHA-256. A slow hash would add nothing, as the secret is
 * 256 bits by chance, and would let anyone with a wrong token keep a small machine busy.
 */
export function createToken(
  store: Store,
  { label, scopes, lifetimeMs }: NewToken,
  nowMs: number,
): TokenHolder & { token: string } {
  if (scopes.length === 0) throw new CutpointError('CUT_USAGE', 'A token needs at least one scope.');
  const id = randomBytes(8).toString('hex');
  const secret = randomBytes(32);
  const salt = randomBytes(16);
  const unique = [...new Set(scopes)];
  const expiresAtMs = lifetimeMs === undefined ? undefined : nowMs + lifetimeMs;
  store.transaction(() => {
    store.tokens.add({ id, label, salt, hash: digest(salt, secret), scopes: unique, createdAtMs: nowMs, expiresAtMs });
    store.audit.add({ atMs: nowMs, event: 'token-made', subject: id, detail: `${label}: ${unique.join(', ')}` });
  });
  return { id, label, scopes: unique, token: `cut_${id}_${secret.toString('base64url')}` };
}

/**
 * Who presents a token, for something that needs a scope. `admin` allows everything.
 * @throws CutpointError CUT_UNAUTHORISED, CUT_REVOKED as `holderOfToken`; CUT_FORBIDDEN if it lacks the scope
 */
export function verifyToken(store: Store, token: string | undefined, needed: Scope, nowMs: number): TokenHolder {
  const { id, label, scopes } = holderOfToken(store, token, nowMs);
  if (!scopes.includes(needed) && !scopes.includes('admin')) {
    const message = `The token ${id} (${label}) is for ${scopes.join(', ')}, and this needs ${needed}.`;
    throw new CutpointError('CUT_FORBIDDEN', message);
  }
  return { id, label, scopes };
}

/**
 * Who presents a token. Takes the same time wherever it is wrong.
 * @throws CutpointError CUT_UNAUTHORISED if it is missing, unknown, wrong or expired, CUT_REVOKED
 */
export function holderOfToken(store: Store, token: string | undefined, nowMs: number): TokenHolder {
  const [, id = '', secret = ''] = pattern.exec(token ?? '') ?? [];
  const known = store.tokens.get(id);
  const { salt, hash } = known ?? nobody;
  const equal = timingSafeEqual(digest(salt, Buffer.from(secret, 'base64url')), hash);
  if (!equal || known === undefined) {
    const what = token === undefined ? 'A token is needed here, and none was given' : 'The token is wrong';
    throw new CutpointError('CUT_UNAUTHORISED', `${what}: make one with cutpoint token new.`);
  }
  const { label, scopes, expiresAtMs, revokedAtMs } = known;
  if (revokedAtMs !== undefined) throw new CutpointError('CUT_REVOKED', `The token ${id} (${label}) was revoked.`);
  if (expiresAtMs !== undefined && expiresAtMs <= nowMs) {
    throw new CutpointError('CUT_UNAUTHORISED', `The token ${id} (${label}) has expired: make another.`);
  }
  return { id, label, scopes };
}

/** @throws CutpointError CUT_NOT_FOUND if there is no such token that is valid */
export function revokeToken(store: Store, id: string, nowMs: number): void {
  store.transaction(() => {
    if (!store.tokens.revoke(id, nowMs)) {
      throw new CutpointError('CUT_NOT_FOUND', `There is no token ${id} to revoke: cutpoint token list shows them.`);
    }
    store.audit.add({ atMs: nowMs, event: 'token-revoked', subject: id, detail: '' });
  });
}

function digest(salt: Uint8Array, secret: Uint8Array): Buffer {
  return createHash('sha256').update(salt).update(secret).digest();
}
