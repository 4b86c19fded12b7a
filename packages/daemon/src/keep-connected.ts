import { setTimeout as sleep } from 'node:timers/promises';
import { asCutpointError, CutpointError } from '@cutpoint/core';
import type { Peer } from '@cutpoint/wire';
import { connectServer, type ServerAddress } from './connect-stage.js';
import type { Log } from './log.js';

const firstBackoffMs = 100;

/** A connection to the server that comes back when the server does. */
export interface ServerConnection extends AsyncDisposable {
  /** The connection, if there is one now. @throws CutpointError CUT_UNREACHABLE or why the server was refused. */
  peer(): Peer;
  readonly connected: boolean;
  readonly url: string;
}

export interface KeepOptions {
  /** How this side introduces itself. */
  readonly name: string;
  readonly maxBackoffMs: number;
  readonly log: Log;
  /** Looks at each new connection before it is used; what it throws counts as not being connected. */
  readonly check: (peer: Peer, signal: AbortSignal) => Promise<void>;
}

/**
 * Connects to the server and, whenever the connection ends, tries again with pauses that double from 0.1 s up to
 * `maxBackoffMs`, each shortened by chance so that agents do not all come back at the same moment.
 * @throws CutpointError what `connectServer` and `check` throw if the first attempt fails.
 */
export async function keepConnected(address: ServerAddress, options: KeepOptions): Promise<ServerConnection> {
  const { name, maxBackoffMs, log, check } = options;
  const stop = new AbortController();
  const open = async (): Promise<Peer> => {
    const opened = await connectServer(address, name, stop.signal);
    try {
      await check(opened, stop.signal);
      return opened;
    } catch (thrown) {
      await opened.close();
      throw thrown;
    }
  };
  let peer: Peer | undefined = await open();
  let lastError: CutpointError | undefined;
  const { url } = address;
  log.info({ server: url }, 'connected');

  async function keep(connected: Peer): Promise<void> {
    let current = connected;
    while (!stop.signal.aborted) {
      const reason = await current.closed;
      peer = undefined;
      lastError = undefined;
      if (stop.signal.aborted) return;
      log.warn({ server: url, code: reason?.code, reason: reason?.message }, 'lost the server');
      const next = await reconnect();
      if (next === undefined) return;
      current = next;
      peer = next;
      log.info({ server: url }, 'connected again');
    }
  }

  async function reconnect(): Promise<Peer | undefined> {
    for (let backoffMs = firstBackoffMs; ; backoffMs = Math.min(backoffMs * 2, maxBackoffMs)) {
      await pause(backoffMs * (0.5 + Math.random() / 2), stop.signal);
      if (stop.signal.aborted) return undefined;
      try {
        const next = await open();
        if (!stop.signal.aborted) return next;
        await next.close();
        return undefined;
      } catch (thrown) {
        lastError = asCutpointError(thrown, 'CUT_UNREACHABLE');
        log.debug({ server: url, code: lastError.code, reason: lastError.message }, 'the server is still away');
      }
    }
  }

  const kept = keep(peer);
  return {
    url,
    peer: () => {
      if (peer !== undefined) return peer;
      throw lastError ?? new CutpointError('CUT_UNREACHABLE', `The server at ${url} is away; try again later.`);
    },
    get connected() {
      return peer !== undefined;
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await peer?.close();
      await kept;
    },
  };
}

/** Waits, or returns early when the signal aborts. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
  }
}
