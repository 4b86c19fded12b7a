import { chmodSync, rmdirSync } from 'node:fs';
import { CutpointError, messageOf } from '@cutpoint/core';
import sqlite, { type Database } from 'node-sqlite3-wasm';
import type { z } from 'zod';

/** What may be bound to a statement. */
export type Value = string | number | Uint8Array | null;

/** Runs statements on one file. Every statement outside of a transaction is one of its own. */
export class Sql implements Disposable {
  readonly #path: string;
  readonly #db: Database;

  /**
   * Opens or makes the file. The caller must own its folder.
   * @throws CutpointError CUT_STORE if it is damaged or no such file
   */
  constructor(path: string) {
    this.#path = path;
    // The package locks a file by a folder beside it, which a killed process leaves behind. We own both.
    removeFolder(`${path}.lock`);
    this.#db = this.#try(() => new sqlite.Database(path));
    try {
      chmodSync(path, 0o600);
      // No other process has the file; a commit is on the disk, journal and folder included, before it returns.
      this.#exec('PRAGMA locking_mode = EXCLUSIVE');
      this.#exec('PRAGMA journal_mode = DELETE');
      this.#exec('PRAGMA synchronous = EXTRA');
      this.#exec('PRAGMA trusted_schema = OFF');
      this.#checkIntegrity();
    } catch (thrown) {
      this.#db.close();
      throw thrown;
    }
  }

  /** The number in the file's head that tells the version of the schema. */
  get version(): number {
    const row = this.#try(() => this.#db.get('PRAGMA user_version'));
    return Number(Object.values(row ?? {})[0] ?? 0);
  }

  /** Runs statements without values, and sets the version with them or not at all. */
  migrate(version: number, statements: string): void {
    this.transaction(() => {
      this.#exec(statements);
      this.#exec(`PRAGMA user_version = ${Math.trunc(version)}`);
    });
  }

  /** All rows, in the shape of `schema`. @throws CutpointError CUT_STORE */
  rows<T>(schema: z.ZodType<T>, statement: string, ...values: Value[]): T[] {
    return this.#try(() => this.#db.all(statement, values).map((row) => schema.parse(row)));
  }

  /** The first row, if there is one. @throws CutpointError CUT_STORE */
  row<T>(schema: z.ZodType<T>, statement: string, ...values: Value[]): T | undefined {
    return this.#try(() => {
      const row = this.#db.get(statement, values);
      return row === null ? undefined : schema.parse(row);
    });
  }

  /** Changes rows; gives how many, and the number of the row that was added last. @throws CutpointError CUT_STORE */
  run(statement: string, ...values: Value[]): { readonly changes: number; readonly lastId: number } {
    const { changes, lastInsertRowid } = this.#try(() => this.#db.run(statement, values));
    return { changes, lastId: Number(lastInsertRowid) };
  }

  /** Does all of `work` or nothing of it. @throws CutpointError CUT_STORE, or what `work` throws */
  transaction<T>(work: () => T): T {
    if (this.#db.inTransaction) return work();
    this.#exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#exec('COMMIT');
      return result;
    } catch (thrown) {
      if (this.#db.inTransaction) this.#exec('ROLLBACK');
      throw thrown;
    }
  }

  [Symbol.dispose](): void {
    if (this.#db.isOpen) this.#db.close();
  }

  #exec(statements: string): void {
    this.#try(() => this.#db.exec(statements));
  }

  #checkIntegrity(): void {
    const row = this.#try(() => this.#db.get('PRAGMA quick_check(1)'));
    const said = String(Object.values(row ?? {})[0]);
    if (said !== 'ok') throw new CutpointError('CUT_STORE', `${this.#path} is damaged: ${said}. Restore a copy of it.`);
  }

  #try<T>(work: () => T): T {
    try {
      return work();
    } catch (thrown) {
      if (thrown instanceof CutpointError) throw thrown;
      const message = `${this.#path} cannot be used: ${messageOf(thrown).replace(/[\s.]+$/, '')}. Check the disk and the file.`;
      throw new CutpointError('CUT_STORE', message, { cause: thrown });
    }
  }
}

function removeFolder(path: string): void {
  try {
    rmdirSync(path);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw new CutpointError('CUT_STORE', `${path} cannot be removed: ${messageOf(thrown)}.`, { cause: thrown });
    }
  }
}
