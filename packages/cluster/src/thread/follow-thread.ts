import { Worker } from 'node:worker_threads';
import { type CancelSignal, CutpointError, cancelReason, messageOf, onCancel, throwIfCancelled } from '@cutpoint/core';
import { forgetGate, openGate } from '@cutpoint/runtime';
import type { RankAddress } from '../group/data-port.js';
import { Faults } from '../group/faults.js';
import type { ReduceRule } from '../group/rank-group.js';
import { Silences } from '../group/silences.js';
import type { FromRankThread, RankThreadRequest, ToRankThread } from './rank-thread-protocol.js';

/** The built worker; `src/thread` and `dist/thread` lie equally deep, so this holds from both. */
const workerScript = new URL('../../dist/thread/follow-worker.js', import.meta.url);

/** The thread in which a rank other than 0 computes. It owns its sockets to the other ranks. */
export class FollowThread implements AsyncDisposable {
  /** Where it listens for the ranks above it. */
  readonly port: number;
  /** Settles when it has ended: with nothing after an orderly end, else with what went wrong. */
  readonly ended: Promise<CutpointError | undefined>;
  readonly #worker: Worker;
  readonly #silences: Silences;
  readonly #faults: Faults;
  #ready: { resolve(): void; reject(error: CutpointError): void } | undefined;

  private constructor(
    worker: Worker,
    port: number,
    { silences, faults }: Pick<RankThreadRequest, 'silences' | 'faults'>,
    ended: Promise<CutpointError | undefined>,
  ) {
    this.#worker = worker;
    this.port = port;
    this.#silences = new Silences(silences);
    this.#faults = new Faults(faults);
    this.ended = ended;
    worker.on('message', (message: FromRankThread) => {
      if (message.kind === 'ready') this.#ready?.resolve();
    });
    void ended.then((error) => {
      this.#ready?.reject(error ?? new CutpointError('CUT_DISPOSED', 'The rank has ended.'));
    });
  }

  /**
   * Starts the thread; resolves once it listens.
   * @param onNoSlots hears why what passes through its window is opened each time. @throws CutpointError CUT_BIND, CUT_WORKER_DIED, CUT_CANCELLED
   */
  static async start(
    request: Omit<RankThreadRequest, 'silences' | 'faults'>,
    { signal, onNoSlots }: { readonly signal?: CancelSignal; readonly onNoSlots?: (why: string) => void } = {},
  ): Promise<FollowThread> {
    throwIfCancelled(signal);
    const gate = openGate();
    const { ranks } = request.shard.manifest.slice;
    const seen = { silences: Silences.memory(ranks), faults: Faults.memory(ranks) };
    const workerData = { gate, request: { ...request, ...seen } satisfies RankThreadRequest };
    const worker = new Worker(workerScript, { workerData, execArgv: [] });
    const ended = endOf(worker, gate);
    worker.on('message', (message: FromRankThread) => {
      if (message.kind === 'no-slots') onNoSlots?.(message.why);
    });
    const port = await new Promise<number>((resolve, reject) => {
      worker.on('message', (message: FromRankThread) => {
        if (message.kind === 'listening') resolve(message.port);
      });
      void ended.then((error) => reject(error ?? new CutpointError('CUT_WORKER_DIED', 'The rank ended at once.')));
    });
    return new FollowThread(worker, port, seen, ended);
  }

  /** Has it connect with all other ranks and load its shard. @throws CutpointError CUT_RANK_LOST, CUT_LOAD, CUT_CANCELLED */
  async join(
    addresses: readonly (RankAddress | null)[],
    rules: readonly ReduceRule[],
    signal?: CancelSignal,
  ): Promise<void> {
    const ready = new Promise<void>((resolve, reject) => {
      this.#ready = { resolve, reject };
    });
    using _ = onCancel(signal, () => {
      if (signal !== undefined) this.#end(cancelReason(signal));
    });
    this.#post({ kind: 'join', addresses, rules });
    await ready;
  }

  /** As `Silences.read`. */
  silentMs(): number[] {
    return this.#silences.read();
  }

  /** As `Faults.read`; also once it has ended. */
  faulty(): number[] {
    return this.#faults.read();
  }

  /** Closes its sockets and frees its shard. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#end(new CutpointError('CUT_DISPOSED', 'The rank was closed.'));
    await this.ended;
  }

  #end({ code, message }: CutpointError): void {
    this.#post({ kind: 'end', code, message });
  }

  #post(message: ToRankThread): void {
    this.#worker.postMessage(message);
  }
}

/** Settles when a worker is gone, with why unless it ended in order. */
async function endOf(worker: Worker, gate: Int32Array): Promise<CutpointError | undefined> {
  let reason: CutpointError | undefined = new CutpointError('CUT_WORKER_DIED', 'The worker of the rank ended.');
  worker.on('message', (message: FromRankThread) => {
    if (message.kind === 'ended') reason = undefined;
    else if (message.kind === 'failed') reason = new CutpointError(message.code, message.message);
  });
  worker.on('error', (error) => {
    reason = new CutpointError('CUT_WORKER_DIED', `The worker of the rank failed: ${messageOf(error)}.`);
  });
  await new Promise<void>((resolve) => {
    worker.once('exit', () => resolve());
  });
  forgetGate(gate);
  return reason;
}
