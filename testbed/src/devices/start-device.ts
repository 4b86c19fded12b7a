import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { asCutpointError, CutpointError, cancelReason, isErrorCode, onCancel, throwIfCancelled } from '@cutpoint/core';
import type { DeviceKind, StartedMessage, StartMessage } from './device-messages.js';
import { keepTail } from './log-tail.js';
import { type MemoryLimit, runLimited } from './memory-limit.js';

export type { DeviceKind };

/** The built process; `src/devices` and `dist/devices` lie equally deep, so this holds from both. */
const script = fileURLToPath(new URL('../../dist/devices/device-process.js', import.meta.url));
const stopMs = 5_000;

export interface DeviceOptions {
  readonly kind: DeviceKind;
  /** As the daemon's settings schema has them: model, at, listen, slowDown, ... */
  readonly settings: Readonly<Record<string, unknown>>;
  /** What the process is started through, such as `ip netns exec NAME`. */
  readonly command?: readonly string[];
  /** By a control group. Where that is not permitted the device runs without, and its notes say so. */
  readonly memoryLimitBytes?: number | undefined;
  /** How long it may take until the device is ready. Default two minutes. */
  readonly readyMs?: number;
  readonly signal?: AbortSignal;
}

/** A daemon in a process of its own. It stops when disposed of, and by itself when this process dies. */
export interface Device extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  /** What could not be emulated as asked, in sentences. */
  readonly notes: readonly string[];
  /** True until its process ends, whoever ended it. */
  readonly running: boolean;
  /** The end of its log, for errors. */
  logTail(): string;
}

/**
 * Starts an agent or a server as a process of its own and waits until it takes requests.
 * @throws CutpointError what the daemon says if it fails; CUT_DEADLINE if it is not ready in time; the signal's reason.
 */
export async function startDevice(options: DeviceOptions): Promise<Device> {
  throwIfCancelled(options.signal);
  const child = spawnDevice(options.command ?? []);
  const log = keepTail(child.stderr);
  // Nothing is expected there, but a pipe that nobody reads stops its writer.
  child.stdout?.resume();
  const notes: string[] = [];
  let limit: MemoryLimit | undefined;
  const stop = async () => {
    await stopProcess(child);
    await limit?.[Symbol.asyncDispose]();
    limit = undefined;
  };
  try {
    limit = await limitMemory(child, options.memoryLimitBytes, notes);
    const url = await ready(child, options, () => log.text());
    return {
      url,
      notes,
      pid: child.pid ?? -1,
      get running() {
        return isRunning(child);
      },
      logTail: () => log.text(),
      [Symbol.asyncDispose]: stop,
    };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}

function spawnDevice(prefix: readonly string[]): ChildProcess {
  const [program = process.execPath, ...args] = [...prefix, process.execPath, script];
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => name !== 'CUTPOINT_CONFIG'));
  // A group of its own: Ctrl-C reaches the runner alone, which stops its devices in order.
  const child = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
    detached: true,
    windowsHide: true,
    env,
  });
  child.stdin?.on('error', () => {});
  return child;
}

async function limitMemory(
  child: ChildProcess,
  bytes: number | undefined,
  notes: string[],
): Promise<MemoryLimit | undefined> {
  if (bytes === undefined || child.pid === undefined) return undefined;
  try {
    return await runLimited(child.pid, bytes);
  } catch (thrown) {
    notes.push(asCutpointError(thrown, 'CUT_EMULATION').message);
    return undefined;
  }
}

function ready(child: ChildProcess, options: DeviceOptions, logTail: () => string): Promise<string> {
  const { kind, settings, readyMs = 120_000, signal } = options;
  const said = () => (logTail() === '' ? '' : ` Its last words: ${logTail()}`);
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      clearTimeout(timer);
      cancelled[Symbol.dispose]();
      child.off('message', onMessage).off('close', onExit).off('error', onError);
      act();
    };
    const fail = (error: unknown) => settle(() => reject(error));
    const onMessage = (message: unknown) => {
      const started = message as StartedMessage;
      if ('url' in started) settle(() => resolve(started.url));
      else fail(failure(kind, started.error));
    };
    // Not `exit`: its last words may still be in the pipe then.
    const onExit = (status: number | null, by: string | null) => {
      const how = by === null ? `ended with status ${status}` : `was killed by ${by}`;
      fail(new CutpointError('CUT_EMULATION', `The process of the ${kind} ${how} before it was ready.${said()}`));
    };
    const onError = (cause: Error) => {
      fail(
        new CutpointError('CUT_EMULATION', `The process of the ${kind} cannot be started: ${cause.message}.`, {
          cause,
        }),
      );
    };
    const timer = setTimeout(() => {
      fail(new CutpointError('CUT_DEADLINE', `The ${kind} was not ready within ${readyMs / 1000} s.${said()}`));
    }, readyMs);
    const cancelled = onCancel(signal, () => fail(signal && cancelReason(signal)));
    child.on('message', onMessage).on('close', onExit).on('error', onError);
    // A process that cannot be told has ended, and its end is reported with its last words.
    child.send({ kind, settings } satisfies StartMessage, () => {});
  });
}

function failure(kind: DeviceKind, { code, message }: { code: string; message: string }): CutpointError {
  return new CutpointError(isErrorCode(code) ? code : 'CUT_INTERNAL', `The ${kind} did not start: ${message}`);
}

function isRunning(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

/** Asks the process to stop and kills it if that takes too long. */
async function stopProcess(child: ChildProcess): Promise<void> {
  if (!isRunning(child)) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), stopMs);
  await exited;
  clearTimeout(timer);
}
