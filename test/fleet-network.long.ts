import { execFile, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { commandPath, cutpoint, Process, until } from './processes.testing.js';

const run = promisify(execFile);
const mayUnshare = spawnSync('unshare', ['-n', 'ip', 'link', 'set', 'lo', 'up']).status === 0;

/** A machine of its own, as far as its network goes: it has loopback, and nothing else until `wire`. */
function onOwnNetwork(args: readonly string[]): Process {
  const script = 'ip link set lo up && exec "$0" "$@"';
  return new Process(args, {}, ['unshare', '-n', 'sh', '-c', script, process.execPath, commandPath]);
}

/** Runs a program on the network of a process. */
async function within(pid: number, ...[program, ...args]: [string, ...string[]]): Promise<string> {
  return (await run('nsenter', ['-t', `${pid}`, '-n', program, ...args], { timeout: 30_000 })).stdout;
}

/** A cable between two machines, without a route to anything else. */
async function wire(name: string, ends: readonly { readonly pid: number; readonly address: string }[]): Promise<void> {
  const [a, b] = ends.map(({ pid }, end) => ({ pid, link: `${name}${end}` }));
  if (a === undefined || b === undefined) throw new Error('A cable has two ends.');
  const add = ['link', 'add', a.link, 'netns', `${a.pid}`, 'type', 'veth', 'peer', 'name', b.link, 'netns', `${b.pid}`];
  await run('ip', add);
  for (const [end, { pid, address }] of ends.entries()) {
    await within(pid, 'ip', 'addr', 'add', `${address}/24`, 'dev', `${name}${end}`);
    await within(pid, 'ip', 'link', 'set', `${name}${end}`, 'up');
  }
}

test.skipIf(!mayUnshare)(
  'a fleet follows its networks: those that come after its start, two without a route, and other addresses (skipped where no network can be made)',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cutpoint-network-'));
    await using _ = { [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
    const at = (name: string) => join(folder, name);
    await using server = onOwnNetwork(['serve', '--fleet', at('server'), '--lan', '--json']);
    await server.url();
    const offer = async (name: string, ...more: string[]) => {
      await using asked = cutpoint(['pair', '--new', '--name', name, '--state', at('server'), ...more]);
      expect(await asked.exit()).toBe(0);
      return asked.stdout;
    };
    expect(await offer('pi-1')).toContain('This machine has no address yet that a device could use');
    expect(JSON.parse(await offer('pi-1', '--json'))).not.toHaveProperty('url');

    const sleep = ['unshare', '-n', 'sh', '-c', 'ip link set lo up && exec sleep 60'] as const;
    await using first = new Process([], {}, sleep);
    await using second = new Process([], {}, sleep);
    // Their networks are there as soon as they have left this one.
    for (const { pid } of [first, second]) await until(() => isApart(pid), 'it has a network of its own');
    await wire('a', [
      { pid: server.pid, address: '10.77.1.1' },
      { pid: first.pid, address: '10.77.1.2' },
    ]);
    await wire('b', [
      { pid: server.pid, address: '10.77.2.1' },
      { pid: second.pid, address: '10.77.2.2' },
    ]);
    const isFor = async (address: string) => {
      const { certificate } = JSON.parse(await readFile(at('server/server/identity.json'), 'utf8'));
      return new X509Certificate(certificate).checkIP(address) === address;
    };
    await until(() => isFor('10.77.2.1'), 'the certificate is for the new addresses');
    await until(() => JSON.stringify(server.log()).includes('"networks":["a0","b0"]'), 'both networks hear of it');
    for (const [name, { pid }] of Object.entries({ 'pi-1': first, 'pi-2': second })) {
      const { code, url } = JSON.parse(await offer(name, '--json'));
      expect(url).toBe('https://10.77.1.1:7480');
      // By the code alone: the server is found.
      await within(pid, process.execPath, commandPath, 'pair', code, '--state', at(name));
    }

    const program = ['nsenter', '-t', `${first.pid}`, '-n', process.execPath, commandPath] as const;
    await using agent = new Process(['agent', '--fleet', '--state', at('pi-1'), '--json'], {}, program);
    await agent.url();
    const addresses = async () => {
      const inside = ['nsenter', '-t', `${server.pid}`, '-n', process.execPath, commandPath] as const;
      await using listed = new Process(['devices', '--state', at('server'), '--json'], {}, inside);
      expect(await listed.exit()).toBe(0);
      const { devices } = JSON.parse(listed.stdout) as { devices: { device: string; addresses: string[] }[] };
      return devices.find(({ device }) => device === 'pi-1')?.addresses.join() ?? '';
    };
    await until(async () => (await addresses()).includes('//10.77.1.2:'), 'the agent has said where it is');
    await within(first.pid, 'ip', 'addr', 'del', '10.77.1.2/24', 'dev', 'a1');
    await within(first.pid, 'ip', 'addr', 'add', '10.77.1.3/24', 'dev', 'a1');
    await until(async () => (await addresses()).includes('//10.77.1.3:'), 'it has said where it is by now');
  },
  120_000,
);

/** Whether a process has left the network of this one. */
async function isApart(pid: number): Promise<boolean> {
  const links = await run('readlink', ['/proc/self/ns/net', `/proc/${pid}/ns/net`]);
  return new Set(links.stdout.trim().split('\n')).size === 2;
}
