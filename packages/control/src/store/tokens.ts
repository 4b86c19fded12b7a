import { z } from 'zod';
import type { Sql } from './sql.js';

/** What a token may be for. */
export const scope = z.enum(['infer', 'read', 'deploy', 'admin']);
export type Scope = z.output<typeof scope>;

/** A token as the store knows it: enough to recognise it, not enough to use it. */
export interface StoredToken {
  readonly id: string;
  /** For people. */
  readonly label: string;
  readonly salt: Uint8Array;
  readonly hash: Uint8Array;
  readonly scopes: readonly Scope[];
  readonly createdAtMs: number;
  readonly expiresAtMs: number | undefined;
  readonly revokedAtMs: number | undefined;
}

const scopeList = z.string().transform((text) => z.array(scope).parse(JSON.parse(text)));
const tokenRow = z
  .object({
    id: z.string(),
    label: z.string(),
    salt: z.instanceof(Uint8Array),
    hash: z.instanceof(Uint8Array),
    scopes: scopeList,
    created_at: z.number(),
    expires_at: z.number().nullable(),
    revoked_at: z.number().nullable(),
  })
  .transform(
    ({ created_at, expires_at, revoked_at, ...row }): StoredToken => ({
      ...row,
      createdAtMs: created_at,
      expiresAtMs: expires_at ?? undefined,
      revokedAtMs: revoked_at ?? undefined,
    }),
  );

/** Hashes of API tokens. */
export class Tokens {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  add({ id, label, salt, hash, scopes, createdAtMs, expiresAtMs }: Omit<StoredToken, 'revokedAtMs'>): void {
    this.#sql.run(
      'INSERT INTO token (id, label, salt, hash, scopes, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)',
      id,
      label,
      salt,
      hash,
      JSON.stringify(scopes),
      createdAtMs,
      expiresAtMs ?? null,
    );
  }

  get(id: string): StoredToken | undefined {
    return this.#sql.row(tokenRow, 'SELECT * FROM token WHERE id = ?', id);
  }

  list(): StoredToken[] {
    return this.#sql.rows(tokenRow, 'SELECT * FROM token ORDER BY created_at, id');
  }

  /** False if there is no such token that was valid. */
  revoke(id: string, atMs: number): boolean {
    return this.#sql.run('UPDATE token SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL', atMs, id).changes > 0;
  }
}
