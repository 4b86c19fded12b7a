import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const demo = fileURLToPath(new URL('../../examples/read-text/dist/main.js', import.meta.url));
const picture = fileURLToPath(new URL('../../examples/read-text/pictures/plain.png', import.meta.url));

it.each(['SIGINT', 'SIGKILL'] as const)(
  'the demo leaves no daemon behind after %s',
  async (signal) => {
    const child = spawn(process.execPath, [demo, picture], { stdio: ['ignore', 'pipe', 'ignore'] });
    const exited = once(child, 'exit');
    const ports = await startedPorts(child.stdout);
    expect(ports).toHaveLength(2);
    expect(await Promise.all(ports.map(isListening))).toEqual([true, true]);
    child.kill(signal);
    child.stdout.resume();
    expect(await exited).toEqual(signal === 'SIGINT' ? [1, null] : [null, 'SIGKILL']);
    // Only a demo that was killed cannot wait for its daemons.
    const tries = signal === 'SIGKILL' ? 400 : 1;
    for (let i = 1; i < tries && (await Promise.all(ports.map(isListening))).includes(true); i++) await delay(100);
    expect(await Promise.all(ports.map(isListening))).toEqual([false, false]);
  },
  60_000,
);

/** The ports of the daemons, once the demo has said that they run. */
async function startedPorts(stdout: Readable): Promise<number[]> {
  let output = '';
  for await (const chunk of stdout.iterator({ destroyOnReturn: false })) {
    output += String(chunk);
    if (output.includes('The pictures')) break;
  }
  return [...output.matchAll(/ws:\/\/127\.0\.0\.1:(\d+)/g)].map(([, port]) => Number(port));
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED') return false;
    // Accepted, and then its process died.
    if (error instanceof Error && 'code' in error && error.code === 'ECONNRESET') return true;
    throw error;
  } finally {
    socket.destroy();
  }
}
