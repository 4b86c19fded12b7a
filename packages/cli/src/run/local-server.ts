import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { CutpointError, isErrorCode, onCancel } from '@cutpoint/core';
import { settingsOf } from '@cutpoint/daemon';
import { serverSettings } from '@cutpoint/server/daemon';

const command = fileURLToPath(new URL('../../bin/cutpoint.js', import.meta.url));
const startMs = 120_000;
const stopMs = 10_000;

/** A server in a process of its own, stopped when disposed. */
export interface LocalServer extends AsyncDisposable {
  readonly url: string;
}

/**
 * Starts `cutpoint serve` with these arguments on a free port of loopback and waits until it is ready.
 * It stops when disposed, and by itself when this process dies.
 * @throws CutpointError what the server says if it fails; CUT_DEADLINE after two minutes; the signal's reason.
 */
export async function startLocalServer(args: readonly string[], signal: AbortSignal): Promise<LocalServer> {
  const own = ['--listen', 'ws://127.0.0.1:0', '--json', '--stop-with-stdin', '--log-level', 'warn'];
  const child = spawn(process.execPath, [command, 'serve', ...args, ...own], {
    stdio: ['pipe', 'pipe', 'pipe'],
    // Ctrl-C reaches the whole process group of a terminal; this process decides when the server stops.
    detached: true,
    windowsHide: true,
    env: environment(),
  });
  try {
    const url = await readyUrl(child, signal);
    // Not before: what the server says when it cannot start is in the error already.
    child.stderr.pipe(process.stderr, { end: false });
    return { url, [Symbol.asyncDispose]: () => stop(child) };
  } catch (thrown) {
    await stop(child);
    throw thrown;
  }
}

/** The environment without the settings of a server: they are meant for one that a person starts. */
function environment(): NodeJS.ProcessEnv {
  const names = new Set(['CUTPOINT_CONFIG', ...settingsOf(serverSettings).map(({ env }) => env)]);
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !names.has(name)));
}

async function readyUrl(child: ChildProcessWithoutNullStreams, signal: AbortSignal): Promise<string> {
  const line = await firstLine(child, signal);
  const message: { url?: unknown; error?: { code?: unknown; message?: unknown } } = JSON.parse(line);
  if (typeof message.url === 'string') return message.url;
  const { code, message: text } = message.error ?? {};
  throw new CutpointError(isErrorCode(code) ? code : 'CUT_INTERNAL', `The server did not start: ${text}`);
}

function firstLine(child: ChildProcessWithoutNullStreams, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const timeout = AbortSignal.timeout(startMs);
    const cancelled = onCancel(signal, () => reject(signal.reason));
    const late = onCancel(timeout, () => {
      reject(new CutpointError('CUT_DEADLINE', `The server was not ready within ${startMs / 1000} s.`));
    });
    const settle = () => {
      cancelled[Symbol.dispose]();
      late[Symbol.dispose]();
    };
    child.once('error', (cause) => {
      settle();
      reject(new CutpointError('CUT_INTERNAL', `The server's process cannot be started: ${cause.message}`, { cause }));
    });
    // Not `exit`: what the server said last may still be in the pipe then.
    child.once('close', (status) => {
      settle();
      reject(
        new CutpointError('CUT_INTERNAL', `The server's process ended with status ${status} before it was ready.`),
      );
    });
    createInterface(child.stdout).once('line', (line) => {
      settle();
      resolve(line);
    });
  });
}

/** Asks the child to stop and kills it if that takes too long. */
async function stop(child: ChildProcessWithoutNullStreams): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), stopMs);
  await exited;
  clearTimeout(timer);
}
