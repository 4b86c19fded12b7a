import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContentFetcher, Hold } from '@cutpoint/control';
import { asCutpointError, type CancelSignal, CutpointError, onCancel } from '@cutpoint/core';
import type { ModelProfile } from '@cutpoint/plan';
import type { SegmentOptions } from '@cutpoint/runtime';
import { placeFile } from './place-file.js';
import type { ProfileAnswer, ProfileRequest, ProfileStep } from './profile-request.js';

export interface ProfileDeskOptions {
  readonly fetcher: Pick<ContentFetcher, 'fetch'>;
  /** Hears where the server says that files can be fetched. */
  readonly onContent: (urls: readonly string[]) => void;
  /** For models while they are profiled; on the file system of the content store. */
  readonly scratch: string;
  /** Where profiles are kept for the next time. Undefined: in this user's cache. */
  readonly profiles: string | undefined;
  /** As this device runs segments: what is measured is what requests will take. */
  readonly segmentOptions: SegmentOptions;
  /** Memory that is free now. */
  readonly freeMemoryBytes: () => number;
  /** A profile that nobody asks for any more is given up after so long. Default 20 s. */
  readonly patienceMs?: number;
}

interface Job {
  readonly key: string;
  readonly stop: AbortController;
  /** Settles when it ends, whatever came of it. */
  readonly ended: Promise<unknown>;
  outcome: { readonly profile: ModelProfile } | { readonly error: CutpointError } | undefined;
  progress: ProfileStep;
  readonly notes: string[];
  asked: number;
  timer: NodeJS.Timeout | undefined;
}

/** How long fetching the files may take. */
const fetchMs = 30 * 60_000;
/** Seconds, not minutes: a person waits for the plan. */
const budgetMs = 5_000;

/**
 * Profiles models on this device as the server asks for them, one at a time. A profile takes longer than a request
 * should, so the server asks again and again, and each time hears how far it is; where it asks no more, the work ends.
 */
export class ProfileDesk implements AsyncDisposable {
  readonly #options: ProfileDeskOptions;
  #job: Job | undefined;
  #closed = false;

  constructor(options: ProfileDeskOptions) {
    this.#options = options;
  }

  /**
   * Begins to profile, or goes on with it; answers when it is done, else when `waitMs` have passed.
   * @throws CutpointError CUT_OVERLOADED while another model is being profiled, CUT_MEMORY with the numbers if it would not
   * fit; what fetching and profiling throw; CUT_CANCELLED.
   */
  async ask(request: ProfileRequest, signal: CancelSignal): Promise<ProfileAnswer> {
    const { files, dims, waitMs, cancel } = request;
    const key = JSON.stringify([files, dims]);
    if (cancel) return await this.#cancel(key);
    const job = this.#jobFor(key, request);
    job.asked += 1;
    clearTimeout(job.timer);
    try {
      await endOrTime(job.ended, waitMs, signal);
    } finally {
      job.asked -= 1;
      if (job.asked === 0) this.#awaitNextAsk(job);
    }
    const { outcome, progress, notes } = job;
    if (outcome === undefined) return { state: 'running', progress };
    this.#forget(job);
    if ('error' in outcome) throw outcome.error;
    return { state: 'done', profile: outcome.profile, notes };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const job = this.#job;
    if (job === undefined) return;
    this.#forget(job);
    job.stop.abort(new CutpointError('CUT_CANCELLED', 'The daemon is shutting down.'));
    await job.ended;
  }

  #jobFor(key: string, request: ProfileRequest): Job {
    if (this.#job?.key === key) return this.#job;
    if (this.#closed) throw new CutpointError('CUT_CANCELLED', 'The daemon is shutting down.');
    if (this.#job?.outcome !== undefined) this.#forget(this.#job);
    if (this.#job !== undefined) {
      throw new CutpointError('CUT_OVERLOADED', 'This device is profiling another model: try again later.');
    }
    this.#options.onContent(request.content);
    const stop = new AbortController();
    const notes: string[] = [];
    const progress = { step: 'fetch', done: 0, total: totalBytes(request) } as const;
    const tell = (step: ProfileStep) => {
      job.progress = step;
    };
    const ended = this.#profile(request, { signal: stop.signal, notes, tell }).then(
      (profile) => {
        job.outcome = { profile };
      },
      (thrown: unknown) => {
        job.outcome = { error: asCutpointError(thrown, 'CUT_INTERNAL') };
      },
    );
    const job: Job = { key, stop, ended, outcome: undefined, progress, notes, asked: 0, timer: undefined };
    this.#job = job;
    return job;
  }

  #awaitNextAsk(job: Job): void {
    if (this.#job !== job) return;
    clearTimeout(job.timer);
    job.timer = setTimeout(() => void this.#cancel(job.key), this.#options.patienceMs ?? 20_000);
    job.timer.unref();
  }

  async #cancel(key: string): Promise<ProfileAnswer> {
    const job = this.#job;
    if (job?.key !== key) return { state: 'cancelled' };
    job.stop.abort(new CutpointError('CUT_CANCELLED', 'The profile is not wanted any more.'));
    await job.ended;
    this.#forget(job);
    return { state: 'cancelled' };
  }

  #forget(job: Job): void {
    clearTimeout(job.timer);
    if (this.#job === job) this.#job = undefined;
  }

  async #profile(
    request: ProfileRequest,
    { signal, notes, tell }: { signal: AbortSignal; notes: string[]; tell: (step: ProfileStep) => void },
  ): Promise<ModelProfile> {
    const { scratch, profiles, segmentOptions, freeMemoryBytes } = this.#options;
    // Nothing is fetched for what would be refused in the end.
    requireMemory(request, freeMemoryBytes());
    await using laid = await this.#layOut(request, scratch, { signal, tell });
    const { provider, threads, slowDown } = segmentOptions;
    // Loaded where it is used: most devices are never asked.
    const { profileModel } = await import('@cutpoint/profile');
    return await profileModel(laid.path, {
      dims: new Map(Object.entries(request.dims)),
      provider,
      threads,
      slowDown,
      quick: true,
      budgetMs,
      cacheFolder: profiles,
      signal,
      onProgress: tell,
      onNote: (note) => notes.push(note),
    });
  }

  /** Fetches the files and gives them their names. */
  async #layOut(
    { files }: ProfileRequest,
    scratch: string,
    { signal, tell }: { signal: AbortSignal; tell: (step: ProfileStep) => void },
  ): Promise<AsyncDisposable & { readonly path: string }> {
    const holds: Hold[] = [];
    await mkdir(scratch, { recursive: true });
    const folder = await mkdtemp(join(scratch, 'profile-'));
    const close = async () => {
      for (const hold of holds) hold[Symbol.dispose]();
      await rm(folder, { recursive: true, force: true });
    };
    try {
      const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
      const endsAtMs = performance.now() + fetchMs;
      for (const { path, hash, bytes } of files) {
        const before = holds.reduce((sum, hold) => sum + hold.bytes, 0);
        const onProgress = (here: number) => tell({ step: 'fetch', done: before + here, total });
        const deadlineMs = endsAtMs - performance.now();
        const hold = await this.#options.fetcher.fetch({ hash, bytes }, { deadlineMs, signal, onProgress });
        holds.push(hold);
        await placeFile(hold, join(folder, path));
      }
      const [model] = files;
      return { path: join(folder, model?.path ?? ''), [Symbol.asyncDispose]: close };
    } catch (thrown) {
      await close();
      throw thrown;
    }
  }
}

/** What it takes to hold the whole model and both its halves at the same time, weights unpacked: see docs/deploying.md. */
const perFileByte = 6;
const besideBytes = 100e6;

function requireMemory(request: ProfileRequest, freeBytes: number): void {
  const needBytes = perFileByte * totalBytes(request) + besideBytes;
  if (needBytes <= freeBytes) return;
  const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
  const message = `Profiling the model needs ${megabytes(needBytes)} on this device, but ${megabytes(freeBytes)} are free.`;
  throw new CutpointError('CUT_MEMORY', message);
}

function totalBytes({ files }: ProfileRequest): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Resolves when the work has ended, the time is over, or nobody waits any more. */
async function endOrTime(ended: Promise<unknown>, ms: number, signal: CancelSignal): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let onEnd = (): void => {};
  const over = new Promise<void>((resolve) => {
    onEnd = resolve;
    timer = setTimeout(resolve, ms);
  });
  using _ = onCancel(signal, onEnd);
  await Promise.race([ended, over]);
  clearTimeout(timer);
}
