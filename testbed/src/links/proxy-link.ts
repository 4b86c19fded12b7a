import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { CutpointError } from '@cutpoint/core';
import type { EmulatedLink } from './emulated-link.js';
import type { LinkParameters, Trace } from './link-parameters.js';
import type { FromRelay, ToRelay } from './relay-process.js';

/** The built process; `src/links` and `dist/links` lie equally deep, so this holds from both. */
const script = fileURLToPath(new URL('../../dist/links/relay-process.js', import.meta.url));
const answerMs = 20_000;

export interface ProxyLinkOptions {
  /** What the far side listens on. */
  readonly target: string;
  readonly parameters: LinkParameters;
  readonly trace?: Trace | undefined;
  /** Of the random numbers for jitter and loss. Default 1: the same at every run. */
  readonly seed?: number;
}

/**
 * Emulates a link by a TCP relay in a process of its own, on loopback.
 * @throws CutpointError CUT_USAGE if the target is no address; CUT_EMULATION if the process cannot be started.
 */
export async function openProxyLink({ target, parameters, trace, seed = 1 }: ProxyLinkOptions): Promise<EmulatedLink> {
  const url = URL.canParse(target) ? new URL(target) : undefined;
  const port = Number(url?.port);
  if (url === undefined || !(port > 0)) {
    throw new CutpointError('CUT_USAGE', `A link needs an address with a port as its far end, not "${target}".`);
  }
  const relay = startRelay();
  try {
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const opened = await relay.ask('open', {
      kind: 'open',
      settings: { target: { host, port }, parameters, trace, seed },
    });
    url.host = `127.0.0.1:${opened.port}`;
  } catch (thrown) {
    await relay.stop();
    throw thrown;
  }
  let current = parameters;
  return {
    url: url.href.replace(/\/$/, ''),
    emulation: 'user-space-proxy',
    get parameters() {
      return current;
    },
    async set(next) {
      await relay.ask('set', { kind: 'set', parameters: next });
      current = next;
    },
    async stats() {
      const { stats } = await relay.ask('stats', { kind: 'stats' });
      return { ...stats, prioritised: relay.prioritised };
    },
    [Symbol.asyncDispose]: relay.stop,
  };
}

type Answer<K extends FromRelay['kind']> = Extract<FromRelay, { kind: K }>;

function startRelay() {
  const child = fork(script, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], execArgv: [] });
  const prioritised = prioritise(child);
  // One question after the other: each has one answer, in order.
  let last: Promise<unknown> = Promise.resolve();
  return {
    prioritised,
    async ask<K extends ToRelay['kind']>(kind: K, message: ToRelay & { kind: K }): Promise<Answer<K>> {
      const reply = last.then(() => askOnce(child, message));
      last = reply.catch(() => undefined);
      const answer = await reply;
      if (answer.kind === kind) return answer as Answer<K>;
      throw lost(answer.kind === 'failed' ? answer.message : `an answer of the kind ${answer.kind}`);
    },
    async stop(): Promise<void> {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** A relay that waits for the processor while segments compute would add that to the link's delay. */
function prioritise({ pid }: ChildProcess): boolean {
  if (pid === undefined) return false;
  try {
    setPriority(pid, -19);
    return true;
  } catch {
    // Only an administrator may; `LinkStats.prioritised` tells.
    return false;
  }
}

function askOnce(child: ChildProcess, message: ToRelay): Promise<FromRelay> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      clearTimeout(timer);
      child.off('message', onMessage).off('exit', onExit).off('error', onError);
      act();
    };
    const onMessage = (reply: unknown) => settle(() => resolve(reply as FromRelay));
    const onExit = (status: number | null) => settle(() => reject(lost(`its process ended with status ${status}`)));
    const onError = (cause: Error) => settle(() => reject(lost(cause.message, cause)));
    const timer = setTimeout(() => settle(() => reject(lost(`no answer within ${answerMs / 1000} s`))), answerMs);
    child.on('message', onMessage).on('exit', onExit).on('error', onError);
    if (child.connected) child.send(message);
    else onExit(child.exitCode);
  });
}

function lost(why: string, cause?: unknown): CutpointError {
  return new CutpointError('CUT_EMULATION', `The proxy that emulates a link does not work: ${why}.`, { cause });
}
