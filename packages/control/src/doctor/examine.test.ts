import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import net, { type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Aedes } from 'aedes';
import { generate } from 'selfsigned';
import { afterEach, describe, expect, it } from 'vitest';
import { fleet, freePort, testBrokers } from '../brokers.testing.js';
import type { Check } from './check.js';
import { type ExamineOptions, examine } from './examine.js';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function listenOn(server: Server): Promise<number> {
  const sockets = new Set<net.Socket>();
  server.on('connection', (socket) => sockets.add(socket.on('error', () => socket.destroy())));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

async function look(options: Partial<ExamineOptions>): Promise<ReadonlyMap<string, Check>> {
  const checks = await examine({ version: '1.0.0', loadRuntime: async () => {}, timeoutMs: 2_000, ...options });
  return new Map(checks.map((check) => [check.name, check]));
}
const at = (url: string, options: Partial<ExamineOptions> = {}) => look({ server: new URL(url), ...options });

async function certificate(
  days: { from: number; to: number },
  ip = '127.0.0.1',
): Promise<{ cert: string; key: string }> {
  const date = (offset: number) => new Date(Date.now() + offset * 86_400_000);
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'cutpoint test' }], {
    keySize: 2048,
    algorithm: 'sha256',
    notBeforeDate: date(days.from),
    notAfterDate: date(days.to),
    extensions: [
      { name: 'basicConstraints', cA: true },
      { name: 'subjectAltName', altNames: [{ type: 7, ip }] },
    ],
  });
  return { cert, key };
}
const valid = { from: -1, to: 20 };

const api =
  (offsetMs = 0): http.RequestListener =>
  (_, response) => {
    response.setHeader('date', new Date(Date.now() + offsetMs).toUTCString());
    response.end(JSON.stringify({ name: 'cutpoint', version: '1.0.1' }));
  };

describe('the doctor at a server', () => {
  it('finds one in order', async () => {
    const tls = await certificate(valid);
    const port = await listenOn(https.createServer(tls, api()));
    const checks = await at(`https://127.0.0.1:${port}`, { ca: tls.cert });
    for (const name of ['name', 'port', 'certificate', 'clock'])
      expect(checks.get(name)).toMatchObject({ outcome: 'ok' });
    expect(checks.get('cutpoint')).toMatchObject({
      outcome: 'warn',
      sentence: expect.stringContaining('1.0.1 on the server'),
    });
  });

  it('tells a name that nobody knows', async () => {
    const checks = await at('http://no-such-host.invalid:7480');
    expect(checks.get('name')).toMatchObject({ outcome: 'fail' });
    expect(checks.has('port')).toBe(false);
  });

  it('tells a port that refuses', async () => {
    const checks = await at(`http://127.0.0.1:${await freePort()}`);
    expect(checks.get('port')).toMatchObject({ outcome: 'fail', sentence: expect.stringContaining('refuses') });
  });

  // The queue of a process that stands still fills up, and then the kernel drops what comes, as a firewall does.
  it.skipIf(process.platform !== 'linux')('tells a port that does not answer', async () => {
    const script =
      "const s = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(s.address().port))";
    const child: ChildProcess = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    closers.push(() => child.kill('SIGKILL'));
    if (child.stdout === null) throw new Error('no output');
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    child.kill('SIGSTOP');
    const port = Number(line.toString());
    const fillers = Array.from({ length: 8 }, () => net.connect(port, '127.0.0.1').on('error', () => {}));
    closers.push(() => fillers.map((socket) => socket.destroy()));
    await once(fillers[0] as net.Socket, 'connect');
    const checks = await at(`http://127.0.0.1:${port}`, { timeoutMs: 500 });
    expect(checks.get('port')).toMatchObject({ outcome: 'fail', sentence: expect.stringContaining('does not answer') });
  });

  it('tells TLS where there should be none, and none where there should be', async () => {
    const secured = await listenOn(https.createServer(await certificate(valid), api()));
    expect((await at(`http://127.0.0.1:${secured}`)).get('certificate')?.sentence).toContain('expects it there');
    expect((await at(`tcp://127.0.0.1:${secured}`)).get('certificate')?.sentence).toContain('expects it there');
    const plain = await listenOn(http.createServer(api()));
    expect((await at(`https://127.0.0.1:${plain}`)).get('certificate')?.sentence).toContain('does not speak TLS');
    expect((await at(`http://127.0.0.1:${plain}`)).get('certificate')).toMatchObject({ outcome: 'ok' });
  });

  it('tells a certificate that is not trusted, expired, or for another name', async () => {
    const judged = async (tls: { cert: string; key: string }, options: Partial<ExamineOptions>) => {
      const port = await listenOn(https.createServer(tls, api()));
      return (await at(`https://127.0.0.1:${port}`, options)).get('certificate');
    };
    const good = await certificate(valid);
    expect((await judged(good, {}))?.sentence).toContain('not trusted here');
    expect((await judged(good, { ca: good.cert, authorityHash: '00'.repeat(32) }))?.sentence).toContain(
      'another than expected',
    );
    const old = await certificate({ from: -20, to: -3 });
    expect((await judged(old, { ca: old.cert }))?.sentence).toContain('expired 3 days ago');
    const elsewhere = await certificate(valid, '127.0.0.9');
    expect((await judged(elsewhere, { ca: elsewhere.cert }))?.sentence).toContain('not for 127.0.0.1');
  });

  it('tells by how much the clocks differ', async () => {
    const port = await listenOn(http.createServer(api(61 * 60_000)));
    const checks = await at(`http://127.0.0.1:${port}`);
    expect(checks.get('clock')?.sentence).toBe("This clock is 61 minutes behind the server's.");
  });

  it('bears a server that says nothing, or too much', async () => {
    const silent = await listenOn(net.createServer());
    const startedAt = performance.now();
    const checks = await at(`http://127.0.0.1:${silent}`, { timeoutMs: 300 });
    expect(checks.get('clock')).toMatchObject({ outcome: 'warn' });
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    const endless = await listenOn(
      http.createServer((_, response) => {
        const more = setInterval(() => response.write(Buffer.alloc(100_000)), 1);
        response.on('close', () => clearInterval(more));
      }),
    );
    expect((await at(`http://127.0.0.1:${endless}`)).get('cutpoint')).toMatchObject({ outcome: 'ok' });
  });

  it('asks for a port where the scheme has none', async () => {
    await expect(at('tcp://127.0.0.1')).rejects.toMatchObject({ code: 'CUT_USAGE' });
  });
});

describe('the doctor at a broker', () => {
  for (const { name, start, missing } of testBrokers) {
    it.skipIf(missing !== undefined)(
      `sees that the rights of ${name} bite${missing === undefined ? '' : ` (${missing})`}`,
      async () => {
        await using broker = await start();
        const checks = await look({ broker: { url: broker.url, device: 'pi-1', fleet } });
        expect(checks.get('broker')).toMatchObject({ outcome: 'ok' });
      },
    );
  }

  it('sees that anybody may speak for anybody', async () => {
    const aedes = await Aedes.createBroker();
    closers.push(() => aedes.close());
    const port = await listenOn(net.createServer((socket) => void aedes.handle(socket)));
    const checks = await look({ broker: { url: `mqtt://127.0.0.1:${port}`, device: 'pi-1', fleet } });
    expect(checks.get('broker')).toMatchObject({
      outcome: 'fail',
      sentence: expect.stringContaining('in the name of another'),
    });
  });

  it('sees that it is not there', async () => {
    const url = `mqtt://127.0.0.1:${await freePort()}`;
    const checks = await look({ broker: { url, device: 'pi-1', fleet }, timeoutMs: 1_000 });
    expect(checks.get('broker')).toMatchObject({
      outcome: 'fail',
      sentence: expect.stringContaining('cannot be reached'),
    });
  });
});

describe('the doctor at this machine', () => {
  it('looks at the state folder and at who can read the keys', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cutpoint-doctor-'));
    closers.push(() => rm(folder, { recursive: true }));
    expect((await look({ folder: join(folder, 'not', 'yet') })).get('keys')?.sentence).toContain('not paired');
    await mkdir(join(folder, 'identity'));
    const key = join(folder, 'identity', 'device.key');
    await writeFile(key, 'secret', { mode: 0o600 });
    const good = await look({ folder });
    expect([good.get('keys')?.outcome, good.get('disk')?.sentence]).toEqual(['ok', expect.stringContaining(folder)]);
    await chmod(key, 0o640);
    expect((await look({ folder })).get('keys')).toMatchObject({ outcome: 'fail', advice: `Run chmod 600 ${key}.` });
    expect((await look({ folder: join(key, 'below') })).get('disk')).toMatchObject({ outcome: 'fail' });
  });

  it('looks at versions, memory, interfaces and multicast, and says why the runtime does not load', async () => {
    const checks = await look({ loadRuntime: () => Promise.reject(new Error('no such library')) });
    expect([...checks.keys()]).toEqual(['node', 'cutpoint', 'runtime', 'memory', 'interfaces', 'multicast']);
    expect(checks.get('runtime')).toMatchObject({
      outcome: 'fail',
      sentence: expect.stringContaining('no such library'),
    });
    expect(checks.get('node')).toMatchObject({ outcome: 'ok' });
  });
});
