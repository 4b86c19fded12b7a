import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openStore, type Store } from '../store/store.js';
import type { Scope } from '../store/tokens.js';
import { createToken, revokeToken, verifyToken } from './tokens.js';

let folder: string;
let store: Store;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cutpoint-tokens-'));
  store = openStore(folder);
});
afterEach(() => {
  store[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
});

const make = (...scopes: Scope[]) => createToken(store, { label: 'test', scopes }, 1_000);
const unauthorised = expect.objectContaining({ code: 'CUT_UNAUTHORISED' });

describe('an API token', () => {
  it('allows what it is for, and no more; admin allows everything', () => {
    const { token, id } = make('infer', 'read', 'infer');
    expect(verifyToken(store, token, 'infer', 2_000)).toEqual({ id, label: 'test', scopes: ['infer', 'read'] });
    expect(() => verifyToken(store, token, 'deploy', 2_000)).toThrow(
      expect.objectContaining({ code: 'CUT_FORBIDDEN' }),
    );
    expect(() => verifyToken(store, token, 'admin', 2_000)).toThrow(expect.objectContaining({ code: 'CUT_FORBIDDEN' }));
    expect(verifyToken(store, make('admin').token, 'deploy', 2_000).scopes).toEqual(['admin']);
    expect(() => make()).toThrow(expect.objectContaining({ code: 'CUT_USAGE' }));
  });

  it('is nowhere in the folder of the store', () => {
    const secret = make('infer').token.split('_').slice(2).join('_');
    const files = Buffer.concat([readFileSync(join(folder, 'store.db')), readFileSync(join(folder, 'owner'))]);
    expect(files.includes(Buffer.from(secret, 'base64url'))).toBe(false);
    expect(files.includes(secret)).toBe(false);
  });

  it('is refused when any character of it is changed, left out or added', () => {
    const { token } = make('infer');
    fc.assert(
      fc.property(fc.nat({ max: token.length - 1 }), fc.constantFrom('', 'A', 'AA', '_', '\u0000'), (at, put) => {
        const changed = token.slice(0, at) + put + token.slice(at + 1);
        if (decodes(changed) === decodes(token)) return;
        expect(() => verifyToken(store, changed, 'infer', 2_000)).toThrow(unauthorised);
      }),
    );
    for (const wrong of [undefined, '', 'x'.repeat(100_000), make('infer').token.slice(0, 21) + token.slice(21)]) {
      expect(() => verifyToken(store, wrong, 'infer', 2_000)).toThrow(unauthorised);
    }
  });

  it('ends when its time is over or it is revoked', () => {
    const { token } = createToken(store, { label: 'short', scopes: ['read'], lifetimeMs: 500 }, 1_000);
    expect(verifyToken(store, token, 'read', 1_499).label).toBe('short');
    expect(() => verifyToken(store, token, 'read', 1_500)).toThrow(unauthorised);
    const other = make('read');
    revokeToken(store, other.id, 2_000);
    expect(() => verifyToken(store, other.token, 'read', 2_000)).toThrow(
      expect.objectContaining({ code: 'CUT_REVOKED' }),
    );
    expect(() => revokeToken(store, other.id, 2_000)).toThrow(expect.objectContaining({ code: 'CUT_NOT_FOUND' }));
    expect(store.audit.newest(9).map(({ event, subject }) => `${event} ${subject}`)).toContain(
      `token-revoked ${other.id}`,
    );
  });
});

/** The last character of 43 carries bits that are not part of the secret. */
function decodes(token: string): string {
  const [, id, secret] = /^(cut_[0-9a-f]{16}_)([A-Za-z0-9_-]{43})$/.exec(token) ?? [];
  return secret === undefined ? token : `${id}${Buffer.from(secret, 'base64url').toString('hex')}`;
}
