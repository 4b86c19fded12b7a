import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { openEndpoint } from './endpoint.js';
import { endpointSettings } from './endpoint-settings.js';
import { isLoopback } from './loopback.js';

const code = (expected: string) => expect.objectContaining({ code: expected });
const schema = z.object({ listen: z.string(), ...endpointSettings });

let folder: string;
let token: string;
let pem: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-endpoint-'));
  token = await secret('token', ' 0123456789abcdef\n');
  pem = await secret('pem', 'PEM');
});
afterAll(() => rm(folder, { recursive: true }));

async function secret(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text, { mode: 0o600 });
  return path;
}

function open(settings: Record<string, unknown>) {
  const lines: string[] = [];
  const log = pino({}, { write: (line) => void lines.push(line) });
  return openEndpoint(schema.parse(settings), log).then((endpoint) => ({ endpoint, lines }));
}

describe('loopback', () => {
  it('is what only this machine can reach', () => {
    for (const host of ['127.0.0.1', '127.9.9.9', '::1', '[::1]', 'localhost', 'LocalHost']) {
      expect(isLoopback(host), host).toBe(true);
    }
    for (const host of ['0.0.0.0', '::', '192.168.0.1', '127.example.org', 'localhost.example.org', '::ffff:1.2.3.4']) {
      expect(isLoopback(host), host).toBe(false);
    }
  });

  it('needs neither TLS nor a token, and takes a token if one is given', async () => {
    expect((await open({ listen: 'ws://127.0.0.1:0' })).endpoint).toEqual({ url: 'ws://127.0.0.1:0' });
    expect((await open({ listen: 'tcp://[::1]:0', tokenFile: token })).endpoint.token).toBe('0123456789abcdef');
  });
});

describe('an address that other machines can reach', () => {
  it('is refused without TLS and token', async () => {
    await expect(open({ listen: 'ws://0.0.0.0:0' })).rejects.toThrow(code('CUT_INSECURE_BIND'));
    await expect(open({ listen: 'tcp://[::]:0', tokenFile: token })).rejects.toThrow(code('CUT_INSECURE_BIND'));
    const onlyTls = { listen: 'wss://example.org:0', tlsCert: pem, tlsKey: pem };
    await expect(open(onlyTls)).rejects.toThrow(code('CUT_INSECURE_BIND'));
  });

  it('is taken with both', async () => {
    const { endpoint, lines } = await open({ listen: 'wss://0.0.0.0:0', tlsCert: pem, tlsKey: pem, tokenFile: token });
    expect(endpoint).toEqual({ url: 'wss://0.0.0.0:0', tls: { cert: 'PEM', key: 'PEM' }, token: '0123456789abcdef' });
    expect(lines).toEqual([]);
  });

  it('is taken with --insecure, with a warning', async () => {
    const { lines } = await open({ listen: 'ws://0.0.0.0:0', insecure: true });
    expect(lines).toEqual([expect.stringContaining('insecure')]);
  });
});

describe('an address in a fleet', () => {
  const openPaired = (settings: Record<string, unknown>) =>
    openEndpoint(schema.parse(settings), pino({ level: 'silent' }), true);

  it('needs no files where it is encrypted, and takes none', async () => {
    expect(await openPaired({ listen: 'wss://0.0.0.0:0' })).toEqual({ url: 'wss://0.0.0.0:0' });
    const files = { listen: 'wss://0.0.0.0:0', tlsCert: pem, tlsKey: pem };
    await expect(openPaired(files)).rejects.toThrow(code('CUT_USAGE'));
  });

  it('is plain on loopback alone', async () => {
    expect(await openPaired({ listen: 'ws://127.0.0.1:0' })).toEqual({ url: 'ws://127.0.0.1:0' });
    await expect(openPaired({ listen: 'ws://0.0.0.0:0' })).rejects.toThrow(code('CUT_INSECURE_BIND'));
  });
});

describe('a wrong endpoint', () => {
  it('is refused with what is wrong', async () => {
    await expect(open({ listen: 'http://127.0.0.1:0' })).rejects.toThrow(code('CUT_USAGE'));
    await expect(open({ listen: '127.0.0.1:7400' })).rejects.toThrow(code('CUT_USAGE'));
    await expect(open({ listen: 'wss://127.0.0.1:0' })).rejects.toThrow(code('CUT_USAGE'));
    await expect(open({ listen: 'ws://127.0.0.1:0', tlsCert: pem })).rejects.toThrow(code('CUT_USAGE'));
    const absent = open({ listen: 'ws://127.0.0.1:0', tokenFile: join(folder, 'absent') });
    await expect(absent).rejects.toThrow(code('CUT_FILE_NOT_FOUND'));
    await expect(absent).rejects.toThrow(/^The token file \S+absent cannot be read: no such file or directory\.$/);
  });

  it('does not use a token or key that every user can read, or a token that can be guessed', async () => {
    const open644 = await secret('open', '0123456789abcdef');
    await chmod(open644, 0o644);
    await expect(open({ listen: 'ws://127.0.0.1:0', tokenFile: open644 })).rejects.toThrow(code('CUT_USAGE'));
    const openKey = { listen: 'wss://127.0.0.1:0', tlsCert: pem, tlsKey: open644 };
    await expect(open(openKey)).rejects.toThrow(code('CUT_USAGE'));
    const short = await secret('short', 'secret\n');
    await expect(open({ listen: 'ws://127.0.0.1:0', tokenFile: short })).rejects.toThrow(code('CUT_USAGE'));
  });
});
