import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readAuthorityFile } from './secrets.js';

const certificate = '-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cutpoint-secrets-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

it('an authority is read from a file with certificates', async () => {
  const path = join(folder, 'ca.pem');
  writeFileSync(path, certificate);
  expect(await readAuthorityFile(path)).toBe(certificate);
});

it.each(['PRIVATE KEY', 'EC PRIVATE KEY', 'ENCRYPTED PRIVATE KEY'])(
  'a file with a %s beside the certificate is refused',
  async (kind) => {
    const path = join(folder, 'authority.pem');
    writeFileSync(path, `-----BEGIN ${kind}-----\nMA==\n-----END ${kind}-----\n${certificate}`);
    const call = readAuthorityFile(path);
    await expect(call).rejects.toMatchObject({ code: 'CUT_USAGE', message: expect.stringContaining('ca.pem') });
  },
);
