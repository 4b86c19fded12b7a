import { X509Certificate } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deviceId, fleetId } from '../ids.js';
import { openAuthority } from './authority.js';
import { certificateRequest, keyOfRequest, makeKeys } from './keys.js';
import { identityOf } from './names.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cutpoint-authority-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const home = fleetId.parse('home');
const pi = deviceId.parse('pi-1');
const path = () => join(folder, 'authority.pem');

describe('the authority', () => {
  it('makes its key at the first start, for its owner alone, and keeps it', async () => {
    const first = await openAuthority(folder, home);
    expect(statSync(path()).mode & 0o777).toBe(0o600);
    const second = await openAuthority(folder, home);
    expect(second.certificate).toBe(first.certificate);
    const certificate = new X509Certificate(first.certificate);
    expect([certificate.ca, certificate.publicKey.asymmetricKeyDetails?.namedCurve]).toEqual([true, 'prime256v1']);
  });

  it('keeps its certificate in a file for everybody, without its key, and mends that file', async () => {
    const beside = join(folder, 'ca.pem');
    const { certificate } = await openAuthority(folder, home);
    for (const spoil of [() => rmSync(beside), () => writeFileSync(beside, 'other')]) {
      expect(readFileSync(beside, 'utf8')).toBe(`${certificate}\n`);
      expect(statSync(beside).mode & 0o777).toBe(0o644);
      spoil();
      await openAuthority(folder, home);
    }
    expect(readFileSync(beside, 'utf8')).not.toContain('PRIVATE KEY');
  });

  it.each([0o640, 0o604, 0o666])('refuses a key that others can reach (mode %o)', async (mode) => {
    await openAuthority(folder, home);
    chmodSync(path(), mode);
    const call = openAuthority(folder, home);
    await expect(call).rejects.toMatchObject({ code: 'CUT_USAGE', message: expect.stringContaining('chmod 600') });
  });

  it('refuses a damaged file, and never makes another authority in its place', async () => {
    await openAuthority(folder, home);
    const text = readFileSync(path(), 'utf8').slice(0, 300);
    writeFileSync(path(), text);
    await expect(openAuthority(folder, home)).rejects.toMatchObject({ code: 'CUT_STORE' });
    expect(readFileSync(path(), 'utf8')).toBe(text);
  });

  it('is of one fleet', async () => {
    await openAuthority(folder, home);
    await expect(openAuthority(folder, fleetId.parse('other'))).rejects.toMatchObject({
      code: 'CUT_USAGE',
      message: expect.stringContaining('home'),
    });
  });
});

describe('a certificate', () => {
  const nowMs = Date.UTC(2026, 5, 15, 12);
  const day = 86_400_000;

  it('carries what was ordered: identity, role, hosts, both purposes, a day back and thirty ahead', async () => {
    const authority = await openAuthority(folder, home);
    const publicKey = await keyOfRequest(await certificateRequest(await makeKeys()));
    const hosts = ['pi-1', 'pi-1.local', '10.0.0.7', 'fe80::1'];
    const made = await authority.make({ publicKey, device: pi, role: 'agent', hosts, nowMs, lifetimeMs: 30 * day });
    const certificate = new X509Certificate(made.certificate);
    expect(certificate.verify(new X509Certificate(authority.certificate).publicKey)).toBe(true);
    expect(identityOf(certificate)).toEqual({ fleet: 'home', device: 'pi-1', role: 'agent', serial: made.serial });
    expect(certificate.subjectAltName).toBe(
      'URI:cutpoint:home/pi-1, DNS:pi-1, DNS:pi-1.local, IP Address:10.0.0.7, IP Address:FE80:0:0:0:0:0:0:1',
    );
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2', '1.3.6.1.5.5.7.3.1']);
    expect([Date.parse(certificate.validFrom), Date.parse(certificate.validTo)]).toEqual([
      nowMs - day,
      nowMs + 30 * day,
    ]);
    expect([certificate.ca, made.serial.length, made.issuedAtMs, made.expiresAtMs]).toEqual([
      false,
      32,
      nowMs,
      nowMs + 30 * day,
    ]);
  });

  it('is asked for with a signature by its own key', async () => {
    const request = await certificateRequest(await makeKeys());
    await expect(keyOfRequest(request)).resolves.toMatchObject({ type: 'public' });
    const last = request.length - 1;
    request[last] = (request[last] ?? 0) ^ 1;
    await expect(keyOfRequest(request)).rejects.toMatchObject({ code: 'CUT_PAIRING' });
    await expect(keyOfRequest(new Uint8Array(300).fill(0x30))).rejects.toMatchObject({ code: 'CUT_PAIRING' });
  });
});
