import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Aedes } from 'aedes';

/** A broker on loopback that lets everybody do everything, unless it is told otherwise. */
export interface TestBroker {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/** Whether a client, by its user name, may publish to or subscribe to a topic. */
export type Allow = (user: string, topic: string, what: 'publish' | 'subscribe') => boolean;

export async function startAedes(allow: Allow = () => true, port = 0): Promise<TestBroker> {
  const users = new Map<string, string>();
  const broker = await Aedes.createBroker({
    authenticate: (client, username, _password, done) => {
      users.set(client.id, username ?? '');
      done(null, true);
    },
    authorizePublish: (client, { topic }, done) => {
      const allowed = client === null || allow(users.get(client.id) ?? '', topic, 'publish');
      done(allowed ? null : new Error('not allowed'));
    },
    authorizeSubscribe: (client, subscription, done) => {
      done(null, allow(users.get(client.id) ?? '', subscription.topic, 'subscribe') ? subscription : null);
    },
  });
  const sockets = new Set<net.Socket>();
  const server = net.createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    broker.handle(socket);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const { port: taken } = server.address() as net.AddressInfo;
  return {
    url: `mqtt://127.0.0.1:${taken}`,
    port: taken,
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => broker.close(() => resolve()));
    },
  };
}

export const mosquittoPath = ['/usr/sbin/mosquitto', '/usr/local/sbin/mosquitto', '/opt/homebrew/sbin/mosquitto'].find(
  (path) => existsSync(path),
);

/** Mosquitto as a process of its own; `acl` is the text of its file of topic rights. */
export async function startMosquitto(acl?: string): Promise<TestBroker> {
  if (mosquittoPath === undefined) throw new Error('Mosquitto is not installed.');
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'cutpoint-mosquitto-'));
  const lines = [`listener ${port} 127.0.0.1`, 'allow_anonymous true', 'persistence false', 'set_tcp_nodelay true'];
  if (acl !== undefined) {
    await writeFile(join(folder, 'acl'), acl, { mode: 0o644 });
    lines.push(`acl_file ${join(folder, 'acl')}`);
  }
  if (process.getuid?.() === 0) lines.push('user root');
  await writeFile(join(folder, 'mosquitto.conf'), `${lines.join('\n')}\n`);
  const child = spawn(mosquittoPath, ['-c', join(folder, 'mosquitto.conf')], { stdio: 'ignore' });
  await untilOpen(port);
  return {
    url: `mqtt://127.0.0.1:${port}`,
    port,
    async close() {
      const exited = child.exitCode === null ? once(child, 'exit') : undefined;
      child.kill('SIGKILL');
      await exited;
      await rm(folder, { recursive: true });
    },
  };
}

export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function untilOpen(port: number): Promise<void> {
  const end = performance.now() + 10_000;
  for (;;) {
    const socket = net.connect(port, '127.0.0.1');
    const opened = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (opened) return;
    if (performance.now() > end) throw new Error('The broker did not start.');
    await sleep(20);
  }
}
