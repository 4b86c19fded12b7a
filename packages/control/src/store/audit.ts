import { z } from 'zod';
import type { Sql } from './sql.js';

/** Older entries go when there are more. */
const maxEntries = 10_000;
const maxDetail = 1_000;
/** Entries that strangers cause: so many at once, and one more each time this passes. */
const strangerBurst = 20;
const strangerEveryMs = 10_000;
/** A revoked device asks again and again: what repeats is written down once in this time. */
const repeatedAfterMs = 3_600_000;
const mostRemembered = 256;

/** Something that somebody may want to know later. */
export interface AuditEntry {
  readonly id: number;
  readonly atMs: number;
  /** For example `paired`, `revoked`, `pairing-refused`, `token-made`. */
  readonly event: string;
  /** The device, token or address that it is about. */
  readonly subject: string;
  readonly detail: string;
}

const row = z
  .object({ id: z.number(), at: z.number(), event: z.string(), subject: z.string(), detail: z.string() })
  .transform(({ at, ...rest }): AuditEntry => ({ ...rest, atMs: at }));

/** The audit log: bounded, and slow to be filled by strangers, as each entry is a write to a disk that may be an SD card. */
export class Audit {
  readonly #sql: Sql;
  readonly #monotonicMs: () => number;
  #allowance = strangerBurst;
  #allowedAtMs: number;
  #untold = 0;
  /** What strangers caused, and when it was last written down; the oldest first. */
  readonly #told = new Map<string, number>();

  constructor(sql: Sql, monotonicMs: () => number = () => performance.now()) {
    this.#sql = sql;
    this.#monotonicMs = monotonicMs;
    this.#allowedAtMs = monotonicMs();
  }

  /** Adds an entry, without control characters. */
  add({ atMs, event, subject, detail }: Omit<AuditEntry, 'id'>): void {
    this.#sql.transaction(() => {
      const statement = 'INSERT INTO audit (at, event, subject, detail) VALUES (?, ?, ?, ?)';
      const { lastId } = this.#sql.run(
        statement,
        atMs,
        clean(event, 100),
        clean(subject, 300),
        clean(detail, maxDetail),
      );
      this.#sql.run('DELETE FROM audit WHERE id <= ?', lastId - maxEntries);
    });
  }

  /**
   * Adds what somebody unknown caused; of very many only their number is told, in the next entry. With `hourly`, so it is of
   * the same within an hour.
   */
  addStranger(entry: Omit<AuditEntry, 'id'>, { hourly = false } = {}): void {
    const nowMs = this.#monotonicMs();
    this.#allowance = Math.min(strangerBurst, this.#allowance + (nowMs - this.#allowedAtMs) / strangerEveryMs);
    this.#allowedAtMs = nowMs;
    if (this.#allowance < 1 || (hourly && this.#repeats(entry, nowMs))) {
      this.#untold++;
      return;
    }
    this.#allowance--;
    const untold = this.#untold === 0 ? '' : ` (${this.#untold} more like this were not written down)`;
    this.#untold = 0;
    this.add({ ...entry, detail: `${entry.detail.slice(0, maxDetail - 100)}${untold}` });
  }

  /** Whether the same was written down a short time ago; else it is remembered. */
  #repeats({ event, subject, detail }: Omit<AuditEntry, 'id'>, nowMs: number): boolean {
    const key = JSON.stringify([event, subject, detail]);
    if (nowMs - (this.#told.get(key) ?? Number.NEGATIVE_INFINITY) < repeatedAfterMs) return true;
    this.#told.delete(key);
    this.#told.set(key, nowMs);
    for (const oldest of this.#told.keys()) {
      if (this.#told.size <= mostRemembered) break;
      this.#told.delete(oldest);
    }
    return false;
  }

  /** The newest entries, newest first. */
  newest(count: number): AuditEntry[] {
    return this.#sql.rows(row, 'SELECT * FROM audit ORDER BY id DESC LIMIT ?', count);
  }
}

function clean(text: string, length: number): string {
  return text.replace(/\p{Cc}/gu, '?').slice(0, length);
}
