import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CutpointError } from '@cutpoint/core';
import { openBroker } from './broker/broker.js';
import { brokerConfig } from './broker/broker-config.js';
import type { Refusal } from './broker/refusals.js';
import { type BrokerConnection, type ConnectionOptions, openConnection } from './connection/connection.js';
import { deviceId, fleetId } from './ids.js';

export const fleet = fleetId.parse('test');
export const serverNames = ['srv-1', 'srv-2'].map((name) => deviceId.parse(name));

/** A broker for tests: the embedded one, or one that others wrote. */
export interface TestBroker extends AsyncDisposable {
  readonly url: string;
  readonly serverPassword: string | undefined;
  /** What the embedded one refused. */
  readonly refusals: readonly Refusal[];
  /** kill -9, then a new one at the same port that has forgotten everything. */
  restart(): Promise<void>;
}

export interface BrokerKindUnderTest {
  readonly name: string;
  /** Why its tests have to be left out. */
  readonly missing: string | undefined;
  start(): Promise<TestBroker>;
}

const mosquitto = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  .map((folder) => join(folder, 'mosquitto'))
  .find((path) => existsSync(path));

export const mosquittoPath = mosquitto;

export const testBrokers: readonly BrokerKindUnderTest[] = [
  { name: 'embedded', missing: undefined, start: () => startEmbedded() },
  {
    name: 'Mosquitto',
    missing: mosquitto === undefined ? 'mosquitto is not installed' : undefined,
    start: () => startMosquitto(),
  },
];

async function startEmbedded(): Promise<TestBroker> {
  const refusals: Refusal[] = [];
  const serverPassword = 'the same after a restart';
  const onRefused = (refusal: Refusal) => refusals.push(refusal);
  const open = (port: number) => openBroker({ fleet, listen: { host: '127.0.0.1', port }, serverPassword, onRefused });
  let broker = await open(0);
  const { url } = broker;
  return {
    url,
    serverPassword,
    refusals,
    async restart() {
      await broker[Symbol.asyncDispose]();
      broker = await open(Number(new URL(url).port));
    },
    [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose](),
  };
}

/** Without TLS, names are taken as they are given; the rights are those that `brokerConfig` writes. */
async function startMosquitto(): Promise<TestBroker> {
  const port = await freePort();
  const [, acl] = brokerConfig('mosquitto', { fleet, servers: serverNames, port, folder: '/nowhere' });
  const conf = (folder: string) =>
    `listener ${port} 127.0.0.1\nallow_anonymous true\nacl_file ${folder}/cutpoint.acl\npersistence false\nset_tcp_nodelay true\n`;
  const files = (folder: string) => [
    { name: 'cutpoint.acl', text: acl?.text ?? '' },
    { name: 'mosquitto.conf', text: conf(folder) },
  ];
  return { ...(await runMosquitto(port, files)), url: `mqtt://127.0.0.1:${port}` };
}

/** Runs Mosquitto with these files in a folder of its own, `mosquitto.conf` among them. */
export async function runMosquitto(
  port: number,
  files: (folder: string) => readonly { name: string; text: string }[],
): Promise<Omit<TestBroker, 'url'>> {
  const folder = await mkdtemp(join(tmpdir(), 'cutpoint-mosquitto-'));
  // Started by root, it becomes a user of its own, who has to read the folder.
  await chmod(folder, 0o755);
  for (const { name, text } of files(folder)) await writeFile(join(folder, name), text);
  const run = async (): Promise<ChildProcess> => {
    const args = ['-c', join(folder, 'mosquitto.conf')];
    const child = spawn(mosquitto ?? 'mosquitto', args, { stdio: 'ignore' });
    await untilListening(port, child);
    return child;
  };
  let child = await run();
  const kill = async () => {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  };
  return {
    serverPassword: undefined,
    refusals: [],
    async restart() {
      await kill();
      child = await run();
    },
    async [Symbol.asyncDispose]() {
      await kill();
      await rm(folder, { recursive: true });
    },
  };
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

async function untilListening(port: number, child: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt++) {
    if (child.exitCode !== null) throw new Error(`mosquitto ended with ${child.exitCode}`);
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (open) return;
    await sleep(50);
  }
  throw new Error('mosquitto does not listen');
}

/** A connection for tests; what goes wrong with it is collected. */
export function connectTo(
  broker: TestBroker,
  device: string,
  options: Partial<ConnectionOptions> = {},
): BrokerConnection & { readonly problems: readonly CutpointError[] } {
  const problems: CutpointError[] = [];
  const password = serverNames.some((name) => name === device) ? broker.serverPassword : undefined;
  const connection = openConnection({
    url: broker.url,
    device,
    maxBackoffMs: 300,
    onProblem: (error) => problems.push(error),
    ...(password === undefined ? {} : { password }),
    ...options,
  });
  return Object.assign(connection, { problems });
}

/** Waits until something is so. Throws after the time, saying what was waited for. */
export async function until(what: string, so: () => boolean, withinMs = 20_000): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (!so()) {
    if (performance.now() > endMs) throw new Error(`${what} did not happen within ${withinMs} ms`);
    await sleep(10);
  }
}
