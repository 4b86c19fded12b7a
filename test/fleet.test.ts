import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cutpoint, type Process, until } from './processes.testing.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-fleet-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const anyPort = ['--listen', 'ws://127.0.0.1:0', '--json', '--log-format', 'json'];
const stateOf = (device: string) => ['--state', join(folder, device)];

/** A server of a fleet with the addresses that it took, or takes these. */
async function serve(mqtt = 'mqtt://127.0.0.1:0', http = '127.0.0.1:0') {
  const server = cutpoint(['serve', '--fleet', join(folder, 'state'), '--mqtt', mqtt, '--http', http, ...anyPort]);
  await server.url();
  const said = (msg: string) => server.log().find((line) => line.msg === msg);
  return { server, mqtt: String(said('fleet')?.broker), http: String(said('http')?.url) };
}

async function statusOf(http: string, device: string): Promise<string | undefined> {
  const response = await fetch(new URL('/v1/devices', http), { signal: AbortSignal.timeout(20_000) });
  const { devices } = (await response.json()) as { devices: { device: string; status: string }[] };
  return devices.find((one) => one.device === device)?.status;
}

const started = (server: Process, device: string) =>
  server.log().filter((line) => line.msg === 'device' && line.device === device).length;

describe('a fleet of real processes', () => {
  it('shows who joins, stops beating, dies, and comes back, and outlives its server', async () => {
    const { server: first, mqtt, http } = await serve();
    await using server = first;
    await using agent = cutpoint(['agent', '--fleet', mqtt, '--name', 'pi-1', ...stateOf('pi-1'), ...anyPort]);
    await agent.url();
    await until(() => started(server, 'pi-1') > 0, 'the agent has joined');
    expect(await statusOf(http, 'pi-1')).toBe('online');

    agent.kill('SIGSTOP');
    await until(async () => (await statusOf(http, 'pi-1')) !== 'online', 'a stopped agent is silent or offline');
    agent.kill('SIGCONT');
    await until(async () => (await statusOf(http, 'pi-1')) === 'online', 'it beats again');

    server.kill('SIGKILL');
    await server.exit();
    const again = await serve(mqtt, new URL(http).host);
    await using second = again.server;
    await until(() => started(second, 'pi-1') > 0, 'the agent has joined the new server');
    await until(async () => (await statusOf(http, 'pi-1')) === 'online', 'it is known there');

    agent.kill('SIGKILL');
    await until(async () => (await statusOf(http, 'pi-1')) === 'offline', 'its last will is heard');
    await using table = cutpoint(['devices', '--server', http]);
    expect(await table.exit()).toBe(0);
    expect(table.stdout).toMatch(/^pi-1 +agent +away /m);
    expect(table.stdout).toMatch(/^server +server +online /m);
  }, 120_000);

  it('lets no second agent run on the folder of one that runs, which does not notice', async () => {
    const { server: only, mqtt } = await serve();
    await using server = only;
    const args = ['agent', '--fleet', mqtt, '--name', 'pi-2', ...stateOf('pi-2')];
    await using agent = cutpoint([...args, ...anyPort]);
    const url = await agent.url();
    await until(() => started(server, 'pi-2') > 0, 'the agent has joined');
    const deployed = join(folder, 'pi-2', 'device', 'deployed', 'something');
    await writeFile(deployed, 'that runs');
    for (const listen of [anyPort, ['--listen', url, '--json', '--log-format', 'json']]) {
      await using second = cutpoint([...args, ...listen]);
      expect(await second.exit()).toBe(1);
      expect(second.stderr).toMatch(/CUT_STORE.*Process \d+ uses the folder .*pi-2.device: stop it/);
    }
    expect(await readFile(deployed, 'utf8')).toBe('that runs');
    expect(agent.log().filter(({ msg }) => msg === 'joined')).toHaveLength(1);
    expect(agent.log().filter(({ msg }) => msg === 'lost the broker')).toEqual([]);

    agent.kill('SIGKILL');
    await agent.exit();
    await using after = cutpoint([...args, ...anyPort]);
    await after.url();
  }, 120_000);

  it.each([
    ['a model and a fleet', ['agent', 'model.onnx', '--fleet', 'mqtt://127.0.0.1:7483'], 'CUT_USAGE'],
    ['neither', ['serve'], 'CUT_USAGE'],
    ['a broker beyond loopback', ['serve', '--mqtt', 'mqtt://0.0.0.0:0'], 'CUT_INSECURE_BIND'],
    ['no server', ['devices', '--server', 'http://127.0.0.1:1'], 'CUT_UNREACHABLE'],
  ])('refuses %s in a sentence', async (_, args, code) => {
    const state = args.includes('--mqtt') ? ['--fleet', join(folder, 'other'), '--http', '127.0.0.1:0'] : [];
    const listen = args[0] === 'devices' ? [] : ['--listen', 'ws://127.0.0.1:0'];
    await using refused = cutpoint([...args, ...state, ...listen]);
    expect(await refused.exit()).toBeGreaterThan(0);
    expect(refused.stderr).toContain(`error ${code}: `);
  });
});
