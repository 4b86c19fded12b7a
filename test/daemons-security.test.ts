import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@cutpoint/wire';
import { generate } from 'selfsigned';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { classifier, classifierInput } from './models.testing.js';
import { cutpoint } from './processes.testing.js';

// Each test starts processes, and a busy machine takes seconds for one.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const localPeer = expect.stringMatching(/^127\.0\.0\.1:\d+$/);
const token = 'a-token-for-the-tests-only';
let folder: string;
let ca: string;
const path = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-security-'));
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }], {
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
  });
  ca = cert;
  await writeFile(path('cert.pem'), cert);
  await writeFile(path('key.pem'), key, { mode: 0o600 });
  await writeFile(path('token'), `${token}\n`, { mode: 0o600 });
  await writeFile(path('wrong-token'), 'another-token-altogether\n', { mode: 0o600 });
});
afterAll(() => rm(folder, { recursive: true }));

function serve(...args: readonly string[]) {
  return cutpoint(['serve', classifier, '--at', '100', '--json', ...args]);
}

function agent(...args: readonly string[]) {
  return cutpoint(['agent', classifier, '--at', '100', '--listen', 'ws://127.0.0.1:0', '--json', ...args]);
}

describe('an address that other machines can reach', () => {
  it.each(['ws://0.0.0.0:0', 'tcp://[::]:0'])('%s is refused before anything is loaded', async (url) => {
    await using server = serve('--listen', url);
    expect(await server.exit()).toBe(2);
    expect(server.stderr).toMatch(/^error CUT_INSECURE_BIND: .*--insecure/);
    expect(JSON.parse(server.stdout)).toMatchObject({ error: { code: 'CUT_INSECURE_BIND' } });
  });

  it('is taken with --insecure, with a warning at the start', async () => {
    await using server = serve('--listen', 'ws://0.0.0.0:0', '--insecure');
    await server.url();
    expect(server.log()).toContainEqual(
      expect.objectContaining({ level: 'warn', msg: expect.stringMatching(/insecure/) }),
    );
  });

  it('is refused to the health endpoint as well', async () => {
    await using server = serve('--listen', 'ws://127.0.0.1:0', '--health', '0.0.0.0:0');
    expect(await server.exit()).toBe(2);
    expect(server.stderr).toContain('error CUT_INSECURE_BIND: ');
  });
});

describe('a server with TLS and a token', () => {
  it('answers an agent that trusts the certificate and has the token, and nobody else', async () => {
    const guard = ['--tls-cert', path('cert.pem'), '--tls-key', path('key.pem'), '--token-file', path('token')];
    await using server = serve('--listen', 'wss://127.0.0.1:0', ...guard);
    const url = await server.url();
    const address = ['--server', url, '--server-ca', path('cert.pem')];

    await using good = agent(...address, '--server-token-file', path('token'));
    await using wrong = agent(...address, '--server-token-file', path('wrong-token'));
    await using none = agent(...address);
    await using distrustful = agent('--server', url, '--server-token-file', path('token'));
    expect(await wrong.exit()).toBe(1);
    expect(wrong.stderr).toContain('error CUT_UNAUTHORISED: ');
    expect(await none.exit()).toBe(1);
    expect(none.stderr).toContain('error CUT_UNAUTHORISED: ');
    const refusals = server.log().filter((line) => line.code === 'CUT_UNAUTHORISED');
    expect(refusals.map(({ address }) => address)).toEqual([localPeer, localPeer]);
    expect(refusals.map(({ msg }) => msg)).toContainEqual(expect.stringContaining('none was given'));
    expect(await distrustful.exit()).toBe(1);
    expect(distrustful.stderr).toContain('error CUT_TLS: ');

    await using peer = await connect({ url: await good.url(), connectTimeoutMs: 5_000 });
    expect((await peer.request({ method: 'infer', tensors: classifierInput() })).tensors.size).toBe(1);
    await using direct = await connect({ url, connectTimeoutMs: 5_000, tls: { ca }, token });
    expect((await direct.request({ method: 'describe' })).meta).toMatchObject({ split: { at: [100] } });
    expect(server.stderr + good.stderr).not.toContain(token);
  });

  it('does not use a token file that every user can read', async () => {
    const open = path('open-token');
    await writeFile(open, token);
    await chmod(open, 0o644);
    await using server = serve('--listen', 'ws://127.0.0.1:0', '--token-file', open);
    expect(await server.exit()).toBe(2);
    expect(server.stderr).toMatch(/error CUT_USAGE: .*chmod 600/);
  });
});
