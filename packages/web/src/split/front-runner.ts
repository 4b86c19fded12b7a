import {
  CutpointError,
  cancelReason,
  type ErrorCode,
  isErrorCode,
  type NamedTensors,
  onCancel,
  throwIfCancelled,
} from '@cutpoint/core';
import type { Provider } from './provider.js';
import type { FrontOutputs, FrontResult, WorkerAnswer, WorkerRequest } from './worker-messages.js';

type Ask = WorkerRequest extends infer R ? (R extends WorkerRequest ? Omit<R, 'id'> : never) : never;

interface Waiting {
  resolve(answer: WorkerAnswer): void;
  reject(error: CutpointError): void;
}

/** What takes longer never ends: shaders of a slow GPU take minutes at the first run. */
const deadlineMs = 5 * 60_000;
/** What these come from may have broken the runtime for good: a new worker has a new one. */
const breaking: ReadonlySet<ErrorCode> = new Set(['CUT_GPU_LOST', 'CUT_RUN', 'CUT_INTERNAL']);

/**
 * A front segment that runs in a worker of the page. Dispose of it to end the worker. What is cancelled, or does not end, ends the
 * worker as well: nothing else stops inference.
 */
export class FrontRunner implements Disposable {
  readonly #worker = new Worker(new URL('./front-worker.js', import.meta.url), { type: 'module' });
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #ended: CutpointError | undefined;

  private constructor() {
    this.#worker.onmessage = ({ data }: MessageEvent<WorkerAnswer>) => {
      const waiting = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      if (data.kind !== 'failed') return waiting?.resolve(data);
      const error = errorOf(data);
      waiting?.reject(error);
      if (breaking.has(error.code)) this.#end(error);
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      const why = event.message ?? 'it could not be loaded';
      this.#end(new CutpointError('CUT_WORKER_DIED', `The page's worker failed: ${why}. Run again.`));
    };
  }

  /**
   * Loads the segment; without anything to compute, the inputs cross as they are.
   * @throws CutpointError CUT_PROVIDER, CUT_MODEL_INVALID and the like; CUT_DEADLINE, CUT_CANCELLED
   */
  static async load(
    model: ArrayBuffer | null,
    { sends, answers }: FrontOutputs,
    provider: Provider,
    signal?: AbortSignal,
  ): Promise<FrontRunner> {
    const runner = new FrontRunner();
    try {
      await runner.#ask({ kind: 'load', provider, model, sends, answers }, signal, model === null ? [] : [model]);
      return runner;
    } catch (thrown) {
      runner[Symbol.dispose]();
      throw thrown;
    }
  }

  /** Whether it can run. */
  get alive(): boolean {
    return this.#ended === undefined;
  }

  /**
   * Runs it once and encodes what crosses.
   * @throws CutpointError CUT_INPUT, CUT_CODEC; CUT_RUN, CUT_GPU_LOST, CUT_WORKER_DIED, CUT_DEADLINE, CUT_CANCELLED and
   * CUT_DISPOSED, behind which it is not alive
   */
  async run(inputs: NamedTensors, codec: string, signal?: AbortSignal): Promise<FrontResult> {
    const answer = await this.#ask({ kind: 'run', inputs, codec }, signal);
    if (answer.kind === 'ran') return answer.result;
    throw new CutpointError('CUT_INTERNAL', `The worker answered "${answer.kind}" when it was to run.`);
  }

  [Symbol.dispose](): void {
    this.#end(new CutpointError('CUT_DISPOSED', 'The run was ended.'));
  }

  async #ask(request: Ask, signal?: AbortSignal, transfer: Transferable[] = []): Promise<WorkerAnswer> {
    throwIfCancelled(signal);
    if (this.#ended !== undefined) throw this.#ended;
    const id = ++this.#lastId;
    using _ = onCancel(signal, () => signal && this.#end(cancelReason(signal)));
    const late = setTimeout(() => this.#end(lateError(request)), deadlineMs);
    try {
      return await new Promise((resolve, reject) => {
        this.#waiting.set(id, { resolve, reject });
        this.#worker.postMessage({ ...request, id }, transfer);
      });
    } finally {
      clearTimeout(late);
    }
  }

  #end(error: CutpointError): void {
    this.#ended ??= error;
    this.#worker.terminate();
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

function lateError({ kind }: Ask): CutpointError {
  const what = kind === 'load' ? 'could not be opened' : 'did not end';
  const message = `The front segment ${what} within ${deadlineMs / 60_000} minutes: cut earlier, or choose what else runs it.`;
  return new CutpointError('CUT_DEADLINE', message);
}

function errorOf({ code, message }: Extract<WorkerAnswer, { kind: 'failed' }>): CutpointError {
  return new CutpointError(isErrorCode(code) ? code : 'CUT_INTERNAL', message);
}
