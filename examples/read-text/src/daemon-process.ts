import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { CutpointError, cancelReason, isErrorCode, onCancel, throwIfCancelled } from '@cutpoint/core';

/** A `cutpoint serve` or `cutpoint agent` in a process of its own. Disposing stops it and waits until it is gone. */
export interface DaemonProcess extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
}

/** How long a daemon may take to be ready, and to stop before it is killed, in ms. */
const readyMs = 30_000;
const stopMs = 5_000;

const command = fileURLToPath(new URL('../bin/cutpoint.js', import.meta.resolve('cutpoint')));
const flags = [
  '--listen',
  'ws://127.0.0.1:0',
  '--grace-ms',
  '1000',
  '--log-level',
  'warn',
  '--json',
  '--stop-with-stdin',
];

/**
 * Starts a daemon on a free port of the loopback address and waits until it takes requests. It stops when its
 * standard input ends, so it does not stay behind even if this process is killed.
 * @throws CutpointError what the daemon says is wrong, CUT_DEADLINE if it is not ready in 30 s, CUT_CANCELLED.
 */
export async function startDaemon(
  verb: 'serve' | 'agent',
  args: readonly string[],
  signal: AbortSignal,
): Promise<DaemonProcess> {
  throwIfCancelled(signal);
  const child = spawn(process.execPath, [command, verb, ...args, ...flags], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: withoutSettings(process.env),
  });
  await once(child, 'spawn');
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(readyMs)]);
    const ready = parseReady(verb, await firstLine(child.stdout, limit));
    return { ...ready, [Symbol.asyncDispose]: () => stop(child) };
  } catch (error) {
    await stop(child);
    throw error;
  }
}

/** The environment without a person's own daemon settings: the demo brings all it needs. */
function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const isKept = (name: string) => !name.startsWith('CUTPOINT_') || name === 'CUTPOINT_CACHE_DIR';
  return Object.fromEntries(Object.entries(env).filter(([name]) => isKept(name)));
}

/** The first line of a stream, empty if it ends without one. What follows is dropped. */
function firstLine(stream: Readable, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const lines = createInterface({ input: stream });
    const cancelling = onCancel(signal, () => {
      reject(cancelReason(signal));
      lines.close();
    });
    lines.once('line', (line) => {
      resolve(line);
      lines.close();
    });
    lines.once('close', () => {
      cancelling[Symbol.dispose]();
      resolve('');
      stream.resume();
    });
  });
}

/** What a daemon's line on stdout says: that it is ready, or which error ended it. */
function parseReady(verb: string, line: string): { url: string; pid: number } {
  const said: unknown = line === '' ? null : JSON.parse(line);
  if (typeof said === 'object' && said !== null) {
    if ('url' in said && typeof said.url === 'string' && 'pid' in said && typeof said.pid === 'number') {
      return { url: said.url, pid: said.pid };
    }
    if ('error' in said && typeof said.error === 'object' && said.error !== null) {
      const { code, message } = said.error as { code?: unknown; message?: unknown };
      throw new CutpointError(isErrorCode(code) ? code : 'CUT_INTERNAL', `\`cutpoint ${verb}\`: ${String(message)}`);
    }
  }
  throw new CutpointError('CUT_INTERNAL', `\`cutpoint ${verb}\` ended without saying that it is ready.`);
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), stopMs);
  await gone;
  clearTimeout(timer);
}
