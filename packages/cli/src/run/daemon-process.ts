import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { leadSettings, rankSettings } from '@cutpoint/cluster';
import { CutpointError, isErrorCode, onCancel } from '@cutpoint/core';
import { settingsOf } from '@cutpoint/daemon';
import { agentSettings } from '@cutpoint/edge-agent';
import { serverSettings } from '@cutpoint/server/daemon';

const command = fileURLToPath(new URL('../../bin/cutpoint.js', import.meta.url));
const startMs = 120_000;
const stopMs = 10_000;

/** A daemon in a process of its own, stopped when disposed. */
export interface DaemonProcess extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  /** Ends it as a power cut would, and resolves when it is gone. */
  kill(): Promise<void>;
}

export interface DaemonProcessOptions {
  readonly verb: 'serve' | 'agent' | 'cluster join';
  readonly args: readonly string[];
  readonly signal: AbortSignal;
  /** Beside that of this process. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Hears each line of the log; else what comes after the start goes to stderr. */
  readonly onLog?: (line: string) => void;
}

/**
 * Starts a daemon with these arguments and waits until it is ready. It stops when disposed, and by itself when this process
 * dies.
 * @throws CutpointError what the daemon says if it fails; CUT_DEADLINE after two minutes; the signal's reason.
 */
export async function startDaemonProcess({
  verb,
  args,
  signal,
  env,
  onLog,
}: DaemonProcessOptions): Promise<DaemonProcess> {
  const child = spawn(process.execPath, [command, ...verb.split(' '), ...args, '--json', '--stop-with-stdin'], {
    stdio: ['pipe', 'pipe', 'pipe'],
    // Ctrl-C reaches the whole process group of a terminal; this process decides when the daemon stops.
    detached: true,
    windowsHide: true,
    env: { ...environment(), ...env },
  });
  try {
    if (onLog !== undefined) createInterface(child.stderr).on('line', onLog);
    const { url, pid } = await ready(child, verb, signal);
    // Not before: what it says when it cannot start is in the error already.
    if (onLog === undefined) child.stderr.pipe(process.stderr, { end: false });
    return { url, pid, kill: () => end(child, 'SIGKILL'), [Symbol.asyncDispose]: () => end(child, 'SIGTERM') };
  } catch (thrown) {
    await end(child, 'SIGTERM');
    throw thrown;
  }
}

/** The environment without the settings of daemons: they are meant for one that a person starts. */
function environment(): NodeJS.ProcessEnv {
  const settings = [serverSettings, agentSettings, rankSettings, leadSettings].flatMap(settingsOf);
  const names = new Set(['CUTPOINT_CONFIG', ...settings.map(({ env }) => env)]);
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !names.has(name)));
}

async function ready(
  child: ChildProcessWithoutNullStreams,
  verb: string,
  signal: AbortSignal,
): Promise<{ url: string; pid: number }> {
  const line = await firstLine(child, verb, signal);
  const message: { url?: unknown; error?: { code?: unknown; message?: unknown } } = JSON.parse(line);
  if (typeof message.url === 'string' && child.pid !== undefined) return { url: message.url, pid: child.pid };
  const { code, message: text } = message.error ?? {};
  throw new CutpointError(isErrorCode(code) ? code : 'CUT_INTERNAL', `\`cutpoint ${verb}\` did not start: ${text}`);
}

function firstLine(child: ChildProcessWithoutNullStreams, verb: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const timeout = AbortSignal.timeout(startMs);
    const cancelled = onCancel(signal, () => reject(signal.reason));
    const late = onCancel(timeout, () => {
      reject(new CutpointError('CUT_DEADLINE', `\`cutpoint ${verb}\` was not ready within ${startMs / 1000} s.`));
    });
    const settle = () => {
      cancelled[Symbol.dispose]();
      late[Symbol.dispose]();
    };
    const fail = (message: string, cause?: unknown) => {
      settle();
      reject(new CutpointError('CUT_INTERNAL', message, { cause }));
    };
    child.once('error', (cause) => fail(`The process of cutpoint ${verb} cannot be started: ${cause.message}`, cause));
    // Not `exit`: what it said last may still be in the pipe then.
    child.once('close', (status) =>
      fail(`The process of cutpoint ${verb} ended with status ${status} before it was ready.`),
    );
    createInterface(child.stdout).once('line', (line) => {
      settle();
      resolve(line);
    });
  });
}

/** Asks the child to end, and kills it if that takes too long. */
async function end(child: ChildProcessWithoutNullStreams, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), stopMs);
  await exited;
  clearTimeout(timer);
}
