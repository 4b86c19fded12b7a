import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { CutpointError, type NamedTensors, tensorOf } from '@cutpoint/core';
import { describe, expect, it } from 'vitest';
import { askedFor } from '../provider/provider-choice.js';
import { identityModel, slowModel } from './onnx-bytes.testing.js';
import { startProcessHost } from './process-host.js';
import type { LoadMessage, Packet, StartHost, WorkerHost } from './protocol.js';
import { QueuedSegment } from './queued-segment.js';
import { maxRestarts } from './restart-policy.js';
import { startThreadHost } from './thread-host.js';

const square = (n: number): NamedTensors => new Map([['x', tensorOf('f32', [n, n], new Float32Array(n * n))]]);
const codeOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'no error',
    (thrown: unknown) => (thrown instanceof CutpointError ? (thrown as CutpointError).code : String(thrown)),
  );

const loadPacket = (model: Uint8Array) => (): Packet<LoadMessage> => ({
  message: {
    kind: 'load',
    source: { kind: 'bytes', weightsFolder: null },
    settings: { provider: 'cpu', threads: 1, optimisation: 'all', slowDown: 1 },
  },
  payloads: [new Uint8Array(model)],
});

/** A segment on real workers of which the newest is in hand, to be ended behind the segment's back. */
async function mortalSegment(startHost: StartHost, model: Uint8Array) {
  const hosts: WorkerHost[] = [];
  const start: StartHost = (events) => {
    const host = startHost(events);
    hosts.push(host);
    return host;
  };
  const segment = await QueuedSegment.load(
    start,
    loadPacket(model),
    { maxQueue: 64, stuckMs: 30_000, provider: askedFor('cpu') },
    undefined,
  );
  return { segment, starts: () => hosts.length, kill: () => hosts.at(-1)?.stop() };
}

describe.each<[string, StartHost]>([
  ['thread', startThreadHost],
  ['process', startProcessHost],
])('the death of a worker %s', (kind, startHost) => {
  it('fails what the worker held and leaves the rest to its replacement', async () => {
    const { segment, starts, kill } = await mortalSegment(startHost, slowModel(30));
    await using _ = segment;
    const held = [640, 64].map((n) => codeOf(segment.run(square(n))));
    const others = [32, 16].map((n) => segment.run(square(n)));
    const [third] = others.map(codeOf);
    await kill();
    const fates = await Promise.all([...held, third]);
    expect(fates[1]).toBe('CUT_WORKER_DIED');
    // A process is gone at once. A thread still ends its inference, whose result may come and let the third call in.
    if (kind === 'process') expect(fates).toEqual(['CUT_WORKER_DIED', 'CUT_WORKER_DIED', 'no error']);
    expect((await others[1])?.outputs.get('y')?.shape).toEqual([16, 16]);
    expect(starts()).toBe(2);
  });

  it('is given up on when it recurs', async () => {
    const { segment, starts, kill } = await mortalSegment(startHost, identityModel('f32'));
    await using _ = segment;
    const inputs = new Map([['x', tensorOf('f32', [1, 2], new Float32Array(2))]]);
    for (let death = 0; death <= maxRestarts; death++) {
      expect(await codeOf(segment.run(inputs))).toBe('no error');
      await kill();
    }
    expect(starts()).toBe(maxRestarts + 1);
    await expect(segment.run(inputs)).rejects.toThrow(`more than ${maxRestarts} times`);
    expect(await codeOf(segment.run(inputs))).toBe('CUT_WORKER_DIED');
  });

  it('is not replaced once the segment is disposed of', async () => {
    const { segment, starts, kill } = await mortalSegment(startHost, identityModel('f32'));
    await kill();
    await segment.dispose();
    await sleep(150);
    expect(starts()).toBe(1);
  });
});

/** Runs a program that prints the pids of its own children after it has loaded a segment in a process. */
async function parentWithChild(rest: string) {
  const script = `
    import { loadSegment } from '${new URL('../../dist/index.js', import.meta.url).href}';
    import { readFileSync } from 'node:fs';
    const model = Uint8Array.from(${JSON.stringify([...identityModel('f32')])});
    const segment = await loadSegment({ kind: 'bytes', model }, { isolation: 'process' });
    console.log(readFileSync('/proc/self/task/' + process.pid + '/children', 'utf8').trim());
    ${rest}`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface(parent.stdout), 'line')) as [string];
  return { parent, child: Number(line) };
}

async function isGone(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 1_000; tries++) {
    try {
      if (/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))) return true;
    } catch {
      return true;
    }
    await sleep(20);
  }
  return false;
}

const childrenAreListed = process.platform === 'linux';

describe.skipIf(!childrenAreListed)('the process of a segment (seen through /proc)', () => {
  it('does not outlive its parent', async () => {
    const { parent, child } = await parentWithChild('setInterval(() => {}, 1000);');
    expect(child).toBeGreaterThan(0);
    parent.kill('SIGKILL');
    expect(await isGone(child)).toBe(true);
  });

  it('is gone when dispose returns, and holds nothing open', async () => {
    const { parent, child } = await parentWithChild(`
      await segment.dispose();
      console.log(readFileSync('/proc/self/task/' + process.pid + '/children', 'utf8').trim() || 'none');`);
    const [line] = (await once(createInterface(parent.stdout), 'line')) as [string];
    expect(line).toBe('none');
    expect(await isGone(child)).toBe(true);
    const [code] = parent.exitCode === null ? await once(parent, 'exit') : [parent.exitCode];
    expect(code).toBe(0);
  });

  it('leaves the signals that stop a group of processes to its parent', async () => {
    const { parent, child } = await parentWithChild(`
      process.once('SIGUSR2', async () => {
        await segment.run(new Map([['x', { dtype: 'f32', shape: [1, 2], data: new Uint8Array(8) }]]));
        console.log('alive');
        await segment.dispose();
      });
      console.log('listening');
      setInterval(() => {}, 1000).unref();`);
    const lines = createInterface(parent.stdout);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(child, signal);
    await sleep(50);
    parent.kill('SIGUSR2');
    const seen: string[] = [];
    lines.on('line', (line) => seen.push(line));
    await once(lines, 'close');
    expect(seen).toContain('alive');
  });

  it('takes nothing else down when it is killed from outside', async () => {
    const { parent, child } = await parentWithChild(`
      const x = new Map([['x', { dtype: 'f32', shape: [1, 2], data: new Uint8Array(8) }]]);
      while (true) {
        await segment.run(x).catch(async (error) => {
          console.log(error.code);
          await segment.run(x);
          console.log('again');
          await segment.dispose();
          process.exit(0);
        });
      }`);
    const lines = createInterface(parent.stdout);
    const seen: string[] = [];
    lines.on('line', (line) => seen.push(line));
    await sleep(50);
    process.kill(child, 'SIGKILL');
    await once(lines, 'close');
    expect(seen).toEqual(['CUT_WORKER_DIED', 'again']);
  });
});

describe('a program that exits in the middle of an inference', () => {
  it('exits with the status it chose', async () => {
    const script = `
      import { loadSegment } from '${new URL('../../dist/index.js', import.meta.url).href}';
      const model = Uint8Array.from(${JSON.stringify([...slowModel(30)])});
      const segment = await loadSegment({ kind: 'bytes', model });
      void segment.run(new Map([['x', { dtype: 'f32', shape: [640, 640], data: new Uint8Array(640 * 640 * 4) }]]));
      setTimeout(() => process.exit(3), 30);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' });
    expect(await once(child, 'exit')).toEqual([3, null]);
  });
});
