import type { Readable } from 'node:stream';
import { asCutpointError } from '@cutpoint/core';
import type { Log } from './log.js';

/** A daemon that runs. `close` is graceful: running requests may finish within the daemon's own time limit. */
export interface Daemon {
  /** The address with the real port. */
  readonly url: string;
  /** Where devices of its fleet reach it. */
  readonly fleetUrl: string;
  close(): Promise<void>;
}

/** How long a stop may take beyond the grace that running requests get, in ms. */
const closingMs = 3_000;

/**
 * Keeps a daemon until SIGTERM, SIGINT, or the end of `stdin` if one is given, then closes it. A second signal, or a
 * close that exceeds its time, ends the process with status 1. A close that fails is logged and gives status 1.
 */
export async function runUntilStopped(
  daemon: Daemon,
  { graceMs, log, stdin }: { graceMs: number; log: Log; stdin?: Readable | undefined },
): Promise<void> {
  const reason = await firstReasonToStop(stdin);
  log.info({ reason, graceMs }, 'stopping');
  const giveUp = (why: string) => {
    log.error({ why }, 'stopped before all requests had finished');
    process.exit(1);
  };
  const again = () => giveUp('a second signal');
  process.on('SIGTERM', again).on('SIGINT', again);
  const timer = setTimeout(() => giveUp('the stop took too long'), graceMs + closingMs);
  try {
    await daemon.close();
    log.info('stopped');
  } catch (thrown) {
    const { code, message } = asCutpointError(thrown, 'CUT_INTERNAL');
    log.error({ code }, message);
    process.exitCode = 1;
  } finally {
    clearTimeout(timer);
    process.off('SIGTERM', again).off('SIGINT', again);
  }
}

function firstReasonToStop(stdin: Readable | undefined): Promise<string> {
  return new Promise((resolve) => {
    const stop = (reason: string) => {
      process.off('SIGTERM', onTerm).off('SIGINT', onInt);
      stdin?.off('end', onEnd).off('close', onEnd).pause();
      resolve(reason);
    };
    const onTerm = () => stop('SIGTERM');
    const onInt = () => stop('SIGINT');
    const onEnd = () => stop('end of standard input');
    process.once('SIGTERM', onTerm).once('SIGINT', onInt);
    stdin?.once('end', onEnd).once('close', onEnd).resume();
  });
}
