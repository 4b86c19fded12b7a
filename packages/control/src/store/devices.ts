import { z } from 'zod';
import { type DeviceId, deviceId } from '../ids.js';
import type { Sql } from './sql.js';

export const deviceRole = z.enum(['agent', 'server']);
export type DeviceRole = z.output<typeof deviceRole>;

/** A device that was paired. */
export interface PairedDevice {
  readonly device: DeviceId;
  readonly role: DeviceRole;
  readonly state: 'active' | 'revoked';
  /** Host names and addresses that its certificates carry beside its name. */
  readonly hosts: readonly string[];
  readonly pairedAtMs: number;
}

/** A certificate that the authority made. */
export interface IssuedCertificate {
  readonly serial: string;
  readonly device: DeviceId;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  readonly revokedAtMs: number | undefined;
}

const hostList = z.string().transform((text) => z.array(z.string()).parse(JSON.parse(text)));
const deviceRow = z
  .object({
    name: deviceId,
    role: deviceRole,
    state: z.enum(['active', 'revoked']),
    hosts: hostList,
    paired_at: z.number(),
  })
  .transform(({ name, paired_at, ...row }): PairedDevice => ({ device: name, pairedAtMs: paired_at, ...row }));
const certificateRow = z
  .object({
    serial: z.string(),
    device: deviceId,
    issued_at: z.number(),
    expires_at: z.number(),
    revoked_at: z.number().nullable(),
  })
  .transform(
    ({ serial, device, issued_at, expires_at, revoked_at }): IssuedCertificate => ({
      serial,
      device,
      issuedAtMs: issued_at,
      expiresAtMs: expires_at,
      revokedAtMs: revoked_at ?? undefined,
    }),
  );

/** Devices and their certificates. */
export class Devices {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** All devices, by name. */
  list(): PairedDevice[] {
    return this.#sql.rows(deviceRow, 'SELECT * FROM device ORDER BY name');
  }

  get(device: DeviceId): PairedDevice | undefined {
    return this.#sql.row(deviceRow, 'SELECT * FROM device WHERE name = ?', device);
  }

  /** Adds a device, or makes one that was there active again under what is said of it now. */
  put({ device, role, hosts, pairedAtMs }: Omit<PairedDevice, 'state'>): void {
    this.#sql.run(
      `INSERT INTO device (name, role, state, hosts, paired_at) VALUES (?, ?, 'active', ?, ?)
       ON CONFLICT (name) DO UPDATE SET role = excluded.role, state = 'active', hosts = excluded.hosts,
         paired_at = excluded.paired_at`,
      device,
      role,
      JSON.stringify(hosts),
      pairedAtMs,
    );
  }

  /** Notes a certificate before it is given away: one that is not noted is refused. */
  addCertificate({ serial, device, issuedAtMs, expiresAtMs }: Omit<IssuedCertificate, 'revokedAtMs'>): void {
    this.#sql.run(
      'INSERT INTO certificate (serial, device, issued_at, expires_at) VALUES (?, ?, ?, ?)',
      serial,
      device,
      issuedAtMs,
      expiresAtMs,
    );
  }

  certificate(serial: string): IssuedCertificate | undefined {
    return this.#sql.row(certificateRow, 'SELECT * FROM certificate WHERE serial = ?', serial);
  }

  certificatesOf(device: DeviceId): IssuedCertificate[] {
    const statement = 'SELECT * FROM certificate WHERE device = ? ORDER BY issued_at, serial';
    return this.#sql.rows(certificateRow, statement, device);
  }

  /** The serials that are revoked and would not have expired yet. */
  revokedSerials(nowMs: number): string[] {
    const statement = 'SELECT serial FROM certificate WHERE revoked_at IS NOT NULL AND expires_at > ? ORDER BY serial';
    return this.#sql.rows(z.object({ serial: z.string() }), statement, nowMs).map(({ serial }) => serial);
  }

  /** When the newest certificate was made, by the server's clock then. */
  newestIssueMs(): number | undefined {
    const row = z.object({ newest: z.number().nullable() });
    return this.#sql.row(row, 'SELECT max(issued_at) AS newest FROM certificate')?.newest ?? undefined;
  }

  /** Revokes all certificates of a device that are not; gives their serials. The device itself stays what it is. */
  revokeCertificates(device: DeviceId, atMs: number): string[] {
    return this.#sql.transaction(() => {
      const open = this.certificatesOf(device).filter(({ revokedAtMs }) => revokedAtMs === undefined);
      this.#sql.run('UPDATE certificate SET revoked_at = ? WHERE device = ? AND revoked_at IS NULL', atMs, device);
      return open.map(({ serial }) => serial);
    });
  }

  /** Marks a device as revoked. */
  markRevoked(device: DeviceId): void {
    this.#sql.run("UPDATE device SET state = 'revoked' WHERE name = ?", device);
  }

  /** Forgets certificates that expired more than `agoMs` ago: they are refused for their date. */
  forgetExpired(nowMs: number, agoMs: number): void {
    this.#sql.run('DELETE FROM certificate WHERE expires_at < ?', nowMs - agoMs);
  }
}
