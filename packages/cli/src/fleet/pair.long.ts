import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const program = join(import.meta.dirname, '../../bin/cutpoint.js');
const faketime = '/usr/bin/faketime';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cutpoint-cli-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Run {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** Starts the command as a person does; `onError` sees what it says on stderr so far. */
async function run(
  args: readonly string[],
  { clock, onError }: { clock?: string; onError?: (text: string) => void } = {},
): Promise<Run> {
  const command = clock === undefined ? [] : [faketime, '-f', clock];
  const [file = '', ...rest] = [...command, process.execPath, program, ...args];
  const env = { ...process.env, CUTPOINT_STATE: folder, FAKETIME_DONT_FAKE_MONOTONIC: '1' };
  const child = spawn(file, rest, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout.on('data', (bytes: Buffer) => {
    out += bytes;
  });
  child.stderr.on('data', (bytes: Buffer) => {
    err += bytes;
    onError?.(err);
  });
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, out, err };
}

/** Makes a code on the server, and pairs a device with it whose clock is as given. */
async function pairBoth(clock?: string): Promise<{ server: Run; device: Run; code: string }> {
  let device: Promise<Run> | undefined;
  let used = '';
  const server = await run(['pair', '--new', '--name', 'pi-1', '--listen', '127.0.0.1:0', '--json'], {
    onError(text) {
      const [, url, code] = /cutpoint pair (\S+) (\S+)\n/.exec(text) ?? [];
      if (url === undefined || code === undefined || device !== undefined) return;
      used = code;
      device = run(['pair', url, code, '--json'], clock === undefined ? {} : { clock });
    },
  });
  if (device === undefined) throw new Error(`no code: ${server.err}`);
  return { server, device: await device, code: used };
}

describe('cutpoint pair', () => {
  it('pairs two processes, revokes the device, and keeps the key to the device', async () => {
    const { server, device } = await pairBoth();
    expect(JSON.parse(device.out)).toMatchObject({ fleet: 'home', device: 'pi-1' });
    expect(JSON.parse(device.out)).not.toHaveProperty('warning');
    expect([device.status, server.status, JSON.parse(server.out)]).toEqual([0, 0, { device: 'pi-1', fleet: 'home' }]);
    const identity = join(folder, 'device', 'identity.json');
    expect(statSync(identity).mode & 0o777).toBe(0o600);
    const [own, ofServer] = ['device', 'server'].map((role) => readFileSync(join(folder, role, 'ca.pem'), 'utf8'));
    expect(own).toBe(ofServer);
    expect(own).toMatch(/^-----BEGIN CERTIFICATE-----/);
    const { key } = JSON.parse(readFileSync(identity, 'utf8')) as { key: string };
    expect(readFileSync(join(folder, 'server', 'store.db')).includes(key.slice(40, 80))).toBe(false);
    expect(await run(['revoke', 'pi-1', '--json'])).toMatchObject({
      status: 0,
      out: expect.stringContaining('serials'),
    });
    expect(await run(['revoke', 'pi-2'])).toMatchObject({ status: 1, err: expect.stringContaining('CUT_NOT_FOUND') });
  });

  it.runIf(existsSync(faketime)).each([
    ['-400d', /400 days behind/],
    ['+400d', /400 days ahead of/],
  ])('pairs a device whose clock is off by %s, and names the clock', async (clock, words) => {
    const { device } = await pairBoth(clock);
    expect(device.status).toBe(0);
    expect(JSON.parse(device.out)).toMatchObject({ device: 'pi-1', warning: expect.stringMatching(words) });
  });

  it('says what to do where no server runs, and which half of the command is missing', async () => {
    expect(await run(['pair', '--new'])).toMatchObject({ status: 1, err: expect.stringContaining('--listen') });
    expect(await run(['pair', 'https://127.0.0.1:1'])).toMatchObject({
      status: 2,
      err: expect.stringContaining('URL CODE'),
    });
    expect(await run(['pair', '7K3M-Q2XN'])).toMatchObject({
      status: 2,
      err: expect.stringContaining('12 letters and digits'),
    });
    const call = run(['pair', 'https://127.0.0.1:1', '7K3M-Q2XN-P8VD']);
    expect(await call).toMatchObject({ status: 1, err: expect.stringContaining('CUT_UNREACHABLE') });
    expect(existsSync(join(folder, 'device'))).toBe(false);
  });
});

describe('cutpoint doctor', () => {
  const checksOf = async () => {
    const { out } = await run(['doctor', '--timeout-ms', '1000', '--json']);
    return (JSON.parse(out) as { checks: { name: string; outcome: string; sentence: string }[] }).checks;
  };

  it('says that a device which is not paired has no server, and looks for that of one which is', async () => {
    const unpaired = { name: 'server', outcome: 'warn', sentence: expect.stringContaining(join(folder, 'device')) };
    expect(await checksOf()).toContainEqual(expect.objectContaining(unpaired));
    await pairBoth();
    const checks = await checksOf();
    expect(checks.map(({ name }) => name)).not.toContain('server');
    // Who answered the pairing is gone.
    expect(checks).toContainEqual(expect.objectContaining({ name: 'port', outcome: 'fail' }));
  });
});

describe('cutpoint token', () => {
  it('makes, lists and revokes', async () => {
    const made = JSON.parse((await run(['token', 'new', '--scope', 'infer,read', '--label', 'x', '--json'])).out) as {
      id: string;
      token: string;
    };
    expect(made.token).toMatch(/^cut_[0-9a-f]{16}_[\w-]{43}$/);
    expect((await run(['token', 'list'])).out).toMatch(new RegExp(`${made.id} +infer,read +valid +x`));
    expect((await run(['token', 'revoke', made.id])).status).toBe(0);
    expect((await run(['token', 'list'])).out).toContain('revoked');
    expect(await run(['token', 'new', '--scope', 'all'])).toMatchObject({ status: 2 });
    expect(await run(['token'])).toMatchObject({ status: 2 });
    const { entries } = JSON.parse((await run(['audit', '--json'])).out) as { entries: { event: string }[] };
    expect(entries.map(({ event }) => event)).toEqual(['token-made', 'token-revoked']);
    expect((await run(['audit', '--lines', '1'])).out).toMatch(
      new RegExp(`^time .*\n\\d{4}-\\d\\d-\\d\\d [\\d:]{8}  token-revoked  ${made.id}`),
    );
  });

  it.each(['token list', 'audit', 'revoke pi-1'])('%s makes no fleet where there is none', async (verb) => {
    const refused = await run(verb.split(' '));
    expect([refused.status, refused.err]).toEqual([
      1,
      expect.stringContaining('error CUT_NOT_FOUND: There is no fleet in'),
    ]);
    expect(existsSync(join(folder, 'server'))).toBe(false);
  });
});
