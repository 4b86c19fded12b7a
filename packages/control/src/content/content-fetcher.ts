import { setTimeout as sleep } from 'node:timers/promises';
import {
  asCutpointError,
  type CancelSignal,
  CancelSource,
  CutpointError,
  cancelReason,
  type ErrorCode,
  onCancel,
} from '@cutpoint/core';
import type { ContentHash } from '../ids.js';
import { type ContentTls, download } from './download.js';
import type { Incoming } from './incoming.js';
import type { ContentStore, Hold } from './store.js';

export interface ContentFetcherOptions {
  readonly store: ContentStore;
  /** Servers that hold the content, best first: `https://host:port` or `http://host:port`. Asked for with every attempt. */
  readonly urls: () => readonly string[];
  /** Asked for with every connection, as certificates are renewed. */
  readonly tls?: () => ContentTls;
  readonly headers?: Readonly<Record<string, string>>;
  /** A server that sends nothing for so long counts as gone. Default 15 s. */
  readonly idleMs?: number;
  /** The pause after the first attempt; it doubles with each that brought nothing, up to 50 times as long. Default 200 ms. */
  readonly backoffMs?: number;
  /** Attempts in a row that may bring nothing. Default 10. */
  readonly maxAttempts?: number;
}

export interface FetchOptions {
  /** How long the file may take. */
  readonly deadlineMs: number;
  readonly signal?: CancelSignal | undefined;
  /** Bytes that are here by now. Must not throw. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

/** A file on its way, for all who wait for it. */
interface Job {
  readonly done: Promise<Hold>;
  readonly stop: CancelSource;
  readonly listeners: Set<(bytes: number) => void>;
  waiting: number;
}

const longestPauses = 50;

/** Gets files into a store by their hashes. Make one for a store: it is what keeps a file from being fetched twice. */
export class ContentFetcher {
  readonly #options: ContentFetcherOptions;
  readonly #jobs = new Map<ContentHash, Job>();

  constructor(options: ContentFetcherOptions) {
    this.#options = options;
  }

  /**
   * The file of that hash, from the store or fetched into it: resumed where an earlier attempt or run was cut, hashed
   * while it is written, retried at all servers in turn until the deadline.
   * @throws CutpointError CUT_CONTENT if what comes is not what was announced, CUT_UNAUTHORISED, CUT_TLS,
   * CUT_UNREACHABLE, CUT_OVERLOADED, CUT_DISK_FULL, CUT_FILE_WRITE, CUT_DEADLINE, CUT_CANCELLED.
   */
  async fetch(file: { hash: ContentHash; bytes: number }, options: FetchOptions): Promise<Hold> {
    const { hash, bytes } = file;
    const { store } = this.#options;
    for (;;) {
      const here = await store.hold(hash);
      if (here !== undefined) {
        options.onProgress?.(here.bytes);
        return here;
      }
      const known = this.#jobs.get(hash);
      if (known === undefined || !known.stop.aborted) break;
      // It was given up, but has not let go of the file yet.
      await known.done.catch(() => undefined);
    }
    const job = this.#jobs.get(hash) ?? this.#start(hash, bytes);
    return await this.#wait(job, hash, options);
  }

  #start(hash: ContentHash, bytes: number): Job {
    const stop = new CancelSource();
    const listeners = new Set<(bytes: number) => void>();
    const tell = (here: number) => {
      for (const listener of listeners) listener(here);
    };
    const done = this.#run(hash, bytes, stop, tell).finally(() => this.#jobs.delete(hash));
    const job = { done, stop, listeners, waiting: 0 };
    done.catch(() => undefined); // those who wait hear of it
    this.#jobs.set(hash, job);
    return job;
  }

  async #wait(job: Job, hash: ContentHash, { deadlineMs, signal, onProgress }: FetchOptions): Promise<Hold> {
    job.waiting += 1;
    if (onProgress !== undefined) job.listeners.add(onProgress);
    let timer: NodeJS.Timeout | undefined;
    const given = new Promise<never>((_, reject) => {
      const message = `The content ${hash} did not come within ${deadlineMs} ms.`;
      timer = setTimeout(() => reject(new CutpointError('CUT_DEADLINE', message)), deadlineMs);
    });
    using cancelled = rejectOnCancel(signal);
    try {
      await Promise.race([job.done, given, cancelled.promise]);
      const own = await this.#options.store.hold(hash);
      if (own !== undefined) return own;
      throw new CutpointError('CUT_CONTENT', `The content ${hash} came, but was found to be broken on the disk.`);
    } finally {
      clearTimeout(timer);
      if (onProgress !== undefined) job.listeners.delete(onProgress);
      job.waiting -= 1;
      if (job.waiting === 0) this.#leave(job);
    }
  }

  /** The last who waited has gone: with a file of its own, or without. */
  #leave(job: Job): void {
    job.stop.abort(new CutpointError('CUT_CANCELLED', 'Nobody waits for the content any more.'));
    job.done.then(
      (hold) => hold[Symbol.dispose](),
      () => undefined, // it was heard of, or is what was wanted
    );
  }

  async #run(hash: ContentHash, bytes: number, stop: CancelSource, tell: (bytes: number) => void): Promise<Hold> {
    const { store } = this.#options;
    await using incoming = await store.receive(hash, bytes);
    tell(incoming.offset);
    await this.#fetchWhole(incoming, hash, stop, tell);
    const hold = await store.hold(hash);
    if (hold === undefined) throw new CutpointError('CUT_INTERNAL', `The content ${hash} came, but is not there.`);
    return hold;
  }

  async #fetchWhole(
    incoming: Incoming,
    hash: ContentHash,
    stop: CancelSource,
    tell: (n: number) => void,
  ): Promise<void> {
    const { backoffMs = 200, maxAttempts = 10 } = this.#options;
    const source = new Sole(incoming);
    const refusedBy = new Set<string>();
    for (let vain = 0, turn = 0; ; turn += 1) {
      const willing = this.#options.urls().filter((url) => !refusedBy.has(url));
      const url = willing[turn % willing.length];
      const before = incoming.offset;
      const attempt = url === undefined ? noServer() : await this.#attemptAt(url, incoming, hash, source, stop, tell);
      if (attempt.kind === 'refused') {
        if (attempt.byServer) refusedBy.add(attempt.url);
        if (willing.length <= 1 && attempt.byServer) throw attempt.error;
      }
      if (attempt.kind === 'whole') return;
      vain = incoming.offset > before ? 1 : vain + 1;
      if (vain >= maxAttempts) throw attempt.error;
      const pauseMs = Math.min(2 ** (vain - 1), longestPauses) * backoffMs * (0.5 + Math.random());
      await pause(Math.max(pauseMs, Math.min(attempt.afterMs, longestPauses * backoffMs)), stop);
    }
  }

  /** An attempt that was cut may be gone on with; one whose bytes were wrong, elsewhere. @throws what no other server can mend. */
  async #attemptAt(
    url: string,
    incoming: Incoming,
    hash: ContentHash,
    source: Sole,
    stop: CancelSource,
    tell: (n: number) => void,
  ) {
    await source.turnTo(url);
    const before = incoming.offset;
    try {
      return await this.#attempt(incoming, hash, url, stop, tell);
    } catch (thrown) {
      const error = asCutpointError(thrown, 'CUT_INTERNAL');
      if (!ofThisServer(error)) throw error;
      const byServer = before === 0 || incoming.offset > 0 || source.isSole;
      if (!byServer) source.wasWrong();
      return { kind: 'refused' as const, url, byServer, error, afterMs: 0 };
    }
  }

  async #attempt(incoming: Incoming, hash: ContentHash, url: string, stop: CancelSource, tell: (n: number) => void) {
    const { tls, headers = {}, idleMs = 15_000 } = this.#options;
    const origin = { url, tls: tls?.() ?? {}, headers, idleMs };
    const attempt = await download(incoming, hash, origin, { signal: stop, onProgress: () => tell(incoming.offset) });
    if (attempt.kind === 'whole') await incoming.finish();
    return attempt;
  }
}

/**
 * Who has sent what is here of a file. What an earlier run or another server sent may be what is wrong in the end, so a
 * server is blamed only for what it sent alone; once something was wrong, nothing is put together from several any more.
 */
class Sole {
  readonly #incoming: Incoming;
  #url: string | undefined;
  #together = true;

  constructor(incoming: Incoming) {
    this.#incoming = incoming;
  }

  get isSole(): boolean {
    return this.#url !== undefined;
  }

  async turnTo(url: string): Promise<void> {
    if (this.#url === url) return;
    if (!this.#together) await this.#incoming.restart();
    this.#url = this.#incoming.offset === 0 ? url : undefined;
  }

  wasWrong(): void {
    this.#together = false;
    this.#url = undefined;
  }
}

/** One may become known meanwhile. */
function noServer() {
  const error = new CutpointError('CUT_UNREACHABLE', 'No server is known that holds the content.');
  return { kind: 'cut' as const, error, afterMs: 0 };
}

const codesOfOneServer: ReadonlySet<ErrorCode> = new Set([
  'CUT_CONTENT',
  'CUT_UNAUTHORISED',
  'CUT_TLS',
  'CUT_UNPAIRED',
  'CUT_CERTIFICATE',
  'CUT_REVOKED',
]);

/** Another server may do better. */
function ofThisServer({ code }: CutpointError): boolean {
  return codesOfOneServer.has(code);
}

async function pause(ms: number, stop: CancelSource): Promise<void> {
  const timer = new AbortController();
  using _ = onCancel(stop, () => timer.abort());
  await sleep(ms, undefined, { signal: timer.signal }).catch(() => {
    throw cancelReason(stop);
  });
}

function rejectOnCancel(signal: CancelSignal | undefined): Disposable & { promise: Promise<never> } {
  let end: Disposable | undefined;
  const promise = new Promise<never>((_, reject) => {
    if (signal !== undefined) end = onCancel(signal, () => reject(cancelReason(signal)));
  });
  promise.catch(() => undefined); // raced below, or nobody is left to care
  return { promise, [Symbol.dispose]: () => end?.[Symbol.dispose]() };
}
