import { Worker } from 'node:worker_threads';
import { CutpointError, messageOf } from '@cutpoint/core';
import type { FileSpan } from '@cutpoint/llm';
import type { ReadAnswer, ReadRequest } from './read-protocol.js';

/** The built worker; `src/window` and `dist/window` lie equally deep, so this holds from both. */
const script = new URL('../../dist/window/read-worker.js', import.meta.url);

/** The thread reads and does nothing else. */
const limits = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 4 };

/** What was read. */
export interface ReadBytes {
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  readonly readMs: number;
}

interface Pending {
  readonly buffer: SharedArrayBuffer;
  readonly bytes: number;
  readonly resolve: (read: ReadBytes) => void;
  readonly reject: (error: CutpointError) => void;
}

/** A thread that reads files, one request after another, while the others compute. */
export class ReadThread implements AsyncDisposable {
  readonly #worker = new Worker(script, { resourceLimits: limits, execArgv: [] });
  readonly #pending = new Map<number, Pending>();
  #nextId = 0;
  #ended: CutpointError | undefined;

  constructor() {
    this.#worker.on('message', (answer: ReadAnswer) => this.#receive(answer));
    this.#worker.on('error', (thrown) =>
      this.#end(new CutpointError('CUT_WORKER_DIED', `The thread that reads the shard died: ${messageOf(thrown)}.`)),
    );
    this.#worker.on('exit', () => this.#end(new CutpointError('CUT_DISPOSED', 'The window was closed.')));
  }

  /**
   * @param buffer must not be touched until the bytes are there. Moving it from thread to thread would have V8 believe that so much memory is
   * new each time, and mark all objects again and again.
   * @throws CutpointError as `SpanReader.read` does, CUT_WORKER_DIED or CUT_DISPOSED.
   */
  read(path: string, { offset, bytes }: FileSpan, buffer: SharedArrayBuffer): Promise<ReadBytes> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { buffer, bytes, resolve, reject });
      this.#worker.postMessage({ id, path, offset, bytes, buffer } satisfies ReadRequest);
    });
  }

  /** Rejects what is pending with CUT_DISPOSED; resolves once the thread is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#end(new CutpointError('CUT_DISPOSED', 'The window was closed.'));
    await this.#worker.terminate();
  }

  #receive(answer: ReadAnswer): void {
    const pending = this.#pending.get(answer.id);
    this.#pending.delete(answer.id);
    if (pending === undefined) return;
    if (answer.kind === 'failed') pending.reject(new CutpointError(answer.code, answer.message));
    else {
      const { start, readMs } = answer;
      pending.resolve({ bytes: new Uint8Array(pending.buffer, start, pending.bytes), readMs });
    }
  }

  #end(error: CutpointError): void {
    this.#ended ??= error;
    for (const { reject } of this.#pending.values()) reject(this.#ended);
    this.#pending.clear();
  }
}
