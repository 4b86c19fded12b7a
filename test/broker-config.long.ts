import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cutpoint, until } from './processes.testing.js';

const mosquitto = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  .map((path) => join(path, 'mosquitto'))
  .find((path) => existsSync(path));
const leftOut = mosquitto === undefined ? ' (left out: mosquitto is not installed)' : '';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-broker-'));
  // Started by root, Mosquitto becomes a user of its own, who has to read its folder.
  await chmod(folder, 0o755);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function run(...args: readonly string[]): Promise<{ exit: number | string; out: string; err: string }> {
  await using done = cutpoint(args);
  const exit = await done.exit(60_000);
  return { exit, out: done.stdout, err: done.stderr };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

async function startMosquitto(port: number): Promise<AsyncDisposable> {
  const child: ChildProcess = spawn(mosquitto ?? '', ['-c', join(folder, 'broker', 'mosquitto.conf')], {
    stdio: 'ignore',
  });
  const listens = () =>
    new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
  await until(listens, 'Mosquitto listens');
  return {
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
  };
}

describe('cutpoint broker-config', () => {
  it.skipIf(mosquitto === undefined)(
    `makes Mosquitto the broker of a fleet, and the doctor finds that its rights bite, or do not${leftOut}`,
    async () => {
      const port = await freePort();
      const out = join(folder, 'broker');
      const made = await run(
        'broker-config',
        'mosquitto',
        '--out',
        out,
        '--host',
        'localhost',
        '--port',
        `${port}`,
        '--state',
        folder,
      );
      expect(made).toMatchObject({ exit: 0, out: expect.stringContaining(`  mosquitto -c ${out}/mosquitto.conf\n`) });
      expect(made.out).toContain(`  cutpoint serve --fleet ${folder} --broker mqtts://localhost:${port}\n`);
      expect((await stat(join(out, 'broker.key'))).mode & 0o777).toBe(0o600);
      // Not being root, Mosquitto stays who it is.
      const chown = /^ +(chown mosquitto .*)$/m.exec(made.out)?.[1] ?? 'false';
      if (process.getuid?.() === 0) expect(spawnSync('sh', ['-c', chown]).status).toBe(0);
      const { validTo } = new X509Certificate(await readFile(join(out, 'broker.pem')));
      // Nothing renews it.
      expect((Date.parse(validTo) - Date.now()) / 86_400_000).toBeGreaterThan(700);

      const url = `mqtts://localhost:${port}`;
      const broker = await startMosquitto(port);
      await using server = cutpoint([
        ...[
          'serve',
          '--fleet',
          folder,
          '--broker',
          url,
          '--http',
          'https://127.0.0.1:0',
          '--listen',
          'wss://127.0.0.1:0',
        ],
        ...['--json', '--log-format', 'json'],
      ]);
      await server.url();
      const api = String(server.log().find((line) => line.msg === 'http')?.url);
      const paired = await run('pair', '--new', '--name', 'pi-1', '--state', folder, '--json');
      const { code } = JSON.parse(paired.out) as { code: string };
      expect(await run('pair', api, code, '--state', join(folder, 'pi-1'))).toMatchObject({ exit: 0 });

      const agentPorts = ['--listen', 'ws://127.0.0.1:0', '--fleet-listen', 'wss://127.0.0.1:0'];
      await using agent = cutpoint(['agent', '--state', join(folder, 'pi-1'), ...agentPorts, '--json']);
      await agent.url();
      const listed = async () => (await run('devices', '--state', folder)).out;
      await until(async () => /^pi-1 +agent +online/m.test(await listed()), 'the agent is known by way of Mosquitto');
      await agent[Symbol.asyncDispose]();

      const doctor = async () => {
        const { out: text } = await run('doctor', '--state', join(folder, 'pi-1'), '--json');
        const { checks } = JSON.parse(text) as { checks: { name: string; outcome: string; sentence: string }[] };
        return checks.find(({ name }) => name === 'broker');
      };
      expect(await doctor()).toMatchObject({
        outcome: 'ok',
        sentence: expect.stringMatching(/^mqtts:\/\/localhost:\d+ answers, and dropped the message/),
      });
      await broker[Symbol.asyncDispose]();
      const conf = await readFile(join(out, 'mosquitto.conf'), 'utf8');
      await writeFile(join(out, 'mosquitto.conf'), conf.replace(/^acl_file .*$/m, ''));
      await using _open = await startMosquitto(port);
      expect(await doctor()).toMatchObject({
        outcome: 'fail',
        sentence: expect.stringContaining('in the name of another'),
      });
    },
    180_000,
  );

  it('prints what it would write, and no key', async () => {
    const printed = await run('broker-config', 'emqx', '--fleet-name', 'garden', '--servers', 'a,b');
    expect(printed).toMatchObject({ exit: 0, out: expect.stringContaining('# ---- emqx.conf\n') });
    expect(printed.out).toContain('{allow, {user, "b"}, all, ["cutpoint/1/garden/#"]}.');
    expect(printed.out).toContain('keyfile = "/etc/cutpoint-broker/broker.key"');
    const json = await run('broker-config', 'mosquitto', '--json');
    expect(JSON.parse(json.out)).toMatchObject({ files: [{ name: 'mosquitto.conf' }, { name: 'cutpoint.acl' }] });
    expect(await run('broker-config', 'mosquitto', '--host', 'broker.lan')).toMatchObject({
      exit: 2,
      err: expect.stringContaining('give --out'),
    });
    expect(await run('broker-config', 'hivemq')).toMatchObject({
      exit: 2,
      err: expect.stringContaining('mosquitto or emqx'),
    });
  }, 60_000);
});
