import { CutpointError, isErrorCode, type NamedTensors } from '@cutpoint/core';
import type { Provider } from './provider.js';
import type { FrontOutputs, FrontResult, WorkerAnswer, WorkerRequest } from './worker-messages.js';

type Ask = WorkerRequest extends infer R ? (R extends WorkerRequest ? Omit<R, 'id'> : never) : never;

interface Waiting {
  resolve(answer: WorkerAnswer): void;
  reject(error: CutpointError): void;
}

/** A front segment that runs in a worker of the page. Dispose of it to end the worker. */
export class FrontRunner implements Disposable {
  readonly provider: Provider;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;

  private constructor(provider: Provider) {
    this.provider = provider;
    this.#worker = new Worker(new URL('./front-worker.js', import.meta.url), { type: 'module' });
    this.#worker.onmessage = ({ data }: MessageEvent<WorkerAnswer>) => {
      const waiting = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      if (data.kind === 'failed') waiting?.reject(errorOf(data));
      else waiting?.resolve(data);
    };
    this.#worker.onerror = ({ message }) =>
      this.#end(`The page's worker failed: ${message ?? 'it could not be loaded'}`);
  }

  /**
   * Loads the segment; without anything to compute, the inputs cross as they are.
   * @throws CutpointError CUT_PROVIDER, CUT_MODEL_INVALID and the like
   */
  static async load(
    model: ArrayBuffer | null,
    { sends, answers }: FrontOutputs,
    provider: Provider,
  ): Promise<FrontRunner> {
    const runner = new FrontRunner(provider);
    try {
      await runner.#ask({ kind: 'load', provider, model, sends, answers }, model === null ? [] : [model]);
      return runner;
    } catch (thrown) {
      runner[Symbol.dispose]();
      throw thrown;
    }
  }

  /** Runs it once and encodes what crosses. @throws CutpointError CUT_INPUT, CUT_RUN, CUT_CODEC, CUT_DISPOSED */
  async run(inputs: NamedTensors, codec: string): Promise<FrontResult> {
    const answer = await this.#ask({ kind: 'run', inputs, codec });
    if (answer.kind === 'ran') return answer.result;
    throw new CutpointError('CUT_INTERNAL', `The worker answered "${answer.kind}" when it was to run.`);
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
    for (const { reject } of this.#waiting.values()) reject(new CutpointError('CUT_DISPOSED', 'The run was ended.'));
    this.#waiting.clear();
  }

  #ask(request: Ask, transfer: Transferable[] = []): Promise<WorkerAnswer> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ ...request, id }, transfer);
    });
  }

  #end(message: string): void {
    for (const { reject } of this.#waiting.values()) reject(new CutpointError('CUT_WORKER_DIED', message));
    this.#waiting.clear();
  }
}

function errorOf({ code, message }: Extract<WorkerAnswer, { kind: 'failed' }>): CutpointError {
  return new CutpointError(isErrorCode(code) ? code : 'CUT_INTERNAL', message);
}
