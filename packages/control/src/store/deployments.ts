import { CutpointError } from '@cutpoint/core';
import { z } from 'zod';
import { type Generation, generation } from '../ids.js';
import type { Sql } from './sql.js';

/** How many of those that were active once are kept to go back to, and how many that were given up. */
const kept = { former: 16, dropped: 16 } as const;
const firstGeneration = generation.parse(1);
const maxBodyBytes = 4 * 1024 * 1024;

/** What a fleet shall run, or ran. */
export interface StoredDeployment {
  /** Never given twice, also after a crash. */
  readonly generation: Generation;
  /** `prepared`: devices get ready for it. At most one is `active`; it was `former` once another is. */
  readonly state: 'prepared' | 'active' | 'former' | 'dropped';
  /** Plain data. */
  readonly body: unknown;
  readonly createdAtMs: number;
}

const row = z
  .object({
    generation,
    state: z.enum(['prepared', 'active', 'former', 'dropped']),
    body: z.string().transform((text): unknown => JSON.parse(text)),
    created_at: z.number(),
  })
  .transform(({ created_at, ...rest }): StoredDeployment => ({ ...rest, createdAtMs: created_at }));

/** Deployments by generation. */
export class Deployments {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /**
   * Notes a deployment that devices shall get ready for, under a new generation that is not below `least`: devices may know
   * of later ones than this store, if it was lost.
   * @throws CutpointError CUT_STORE if it is longer than 4 MiB
   */
  prepare(body: unknown, createdAtMs: number, least = firstGeneration): Generation {
    const text = JSON.stringify(body);
    if (Buffer.byteLength(text) > maxBodyBytes) {
      throw new CutpointError('CUT_STORE', `The deployment is longer than ${maxBodyBytes} bytes: deploy fewer models.`);
    }
    const statement = `INSERT INTO deployment (generation, state, body, created_at)
      VALUES (MAX(?, 1 + COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'deployment'), 0)), 'prepared', ?, ?)`;
    return generation.parse(this.#sql.run(statement, least, text, createdAtMs).lastId);
  }

  /**
   * Makes a prepared deployment the active one; the one before becomes former. Where both are the same, as after a deployment
   * that failed, it is dropped: there would be nothing to go back to.
   * @throws CutpointError CUT_STORE
   */
  activate(which: Generation): void {
    this.#sql.transaction(() => {
      this.#sql.run(
        `UPDATE deployment SET state = CASE
           WHEN body = (SELECT body FROM deployment WHERE generation = ?) THEN 'dropped' ELSE 'former' END
         WHERE state = 'active'`,
        which,
      );
      this.#change(which, 'active');
      // What failed, however often, must not push out what worked.
      for (const state of ['former', 'dropped'] as const) this.#prune(state);
    });
  }

  /** Gives up a prepared deployment. @throws CutpointError CUT_STORE if there is none with this generation */
  drop(which: Generation): void {
    this.#change(which, 'dropped');
  }

  get(which: Generation): StoredDeployment | undefined {
    return this.#sql.row(row, 'SELECT * FROM deployment WHERE generation = ?', which);
  }

  active(): StoredDeployment | undefined {
    return this.#sql.row(row, "SELECT * FROM deployment WHERE state = 'active'");
  }

  /** What was active before the active one: where a rollback goes. */
  former(): StoredDeployment | undefined {
    return this.#sql.row(row, "SELECT * FROM deployment WHERE state = 'former' ORDER BY generation DESC LIMIT 1");
  }

  /** All that are kept, newest first. */
  list(): StoredDeployment[] {
    return this.#sql.rows(row, 'SELECT * FROM deployment ORDER BY generation DESC');
  }

  /** Generations grow, so the oldest are the lowest. */
  #prune(state: keyof typeof kept): void {
    this.#sql.run(
      `DELETE FROM deployment WHERE state = ? AND generation NOT IN
         (SELECT generation FROM deployment WHERE state = ? ORDER BY generation DESC LIMIT ?)`,
      ...[state, state, kept[state]],
    );
  }

  #change(which: Generation, state: 'active' | 'dropped'): void {
    const statement = "UPDATE deployment SET state = ? WHERE generation = ? AND state = 'prepared'";
    if (this.#sql.run(statement, state, which).changes === 1) return;
    throw new CutpointError('CUT_STORE', `There is no deployment of generation ${which} that is being prepared.`);
  }
}
