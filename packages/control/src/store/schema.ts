import { CutpointError } from '@cutpoint/core';
import type { Sql } from './sql.js';

/**
 * What each version adds to the one before. Only ever append: stores of people have run what stands here.
 * Times are milliseconds since 1970 by the server's clock; where it matters, the order is that of ids, not of times.
 */
const migrations: readonly string[] = [
  `CREATE TABLE device (
     name TEXT PRIMARY KEY,
     role TEXT NOT NULL CHECK (role IN ('agent', 'server')),
     state TEXT NOT NULL CHECK (state IN ('active', 'revoked')),
     hosts TEXT NOT NULL,
     paired_at INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE certificate (
     serial TEXT PRIMARY KEY,
     device TEXT NOT NULL REFERENCES device (name),
     issued_at INTEGER NOT NULL,
     expires_at INTEGER NOT NULL,
     revoked_at INTEGER
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX certificate_device ON certificate (device);
   CREATE TABLE token (
     id TEXT PRIMARY KEY,
     label TEXT NOT NULL,
     salt BLOB NOT NULL,
     hash BLOB NOT NULL,
     scopes TEXT NOT NULL,
     created_at INTEGER NOT NULL,
     expires_at INTEGER,
     revoked_at INTEGER
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE deployment (
     generation INTEGER PRIMARY KEY AUTOINCREMENT,
     state TEXT NOT NULL CHECK (state IN ('prepared', 'active', 'former', 'dropped')),
     body TEXT NOT NULL,
     created_at INTEGER NOT NULL
   ) STRICT;
   CREATE UNIQUE INDEX deployment_active ON deployment (state) WHERE state = 'active';
   CREATE TABLE audit (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     at INTEGER NOT NULL,
     event TEXT NOT NULL,
     subject TEXT NOT NULL,
     detail TEXT NOT NULL
   ) STRICT;`,
];

/** Brings a store to the schema of this version. @throws CutpointError CUT_STORE if it is of a newer one */
export function migrate(sql: Sql): void {
  const { version } = sql;
  if (version > migrations.length) {
    const message = `The store has version ${version}, and this Cutpoint knows ${migrations.length}: install the newer Cutpoint again, or restore the copy from before.`;
    throw new CutpointError('CUT_STORE', message);
  }
  for (const [i, statements] of migrations.entries()) {
    if (i >= version) sql.migrate(i + 1, statements);
  }
}
