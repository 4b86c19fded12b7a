import { CutpointError, isErrorCode, type NamedTensors } from '@cutpoint/core';
import { fetchFile } from '../chat/files/fetch-file.js';
import { memoryFiles } from '../chat/files/memory-files.js';
import type { FromSegmentWorker, ToSegmentWorker } from './segment-messages.js';

/** The version of onnxruntime-web that the server has for pages, and where it is. */
export const runtimeVersion = '1.30.0';
const runtimeUrl = () => new URL(`/page/runtime/${runtimeVersion}/`, location.href).href;

/** A file of the server, by the SHA-256 of what is in it. */
export interface FileName {
  readonly hash: string;
  readonly bytes: number;
}

export interface FetchOptions {
  readonly token: string | undefined;
  readonly signal: AbortSignal;
}

/** A segment that is loaded in the page, in a worker of its own, on WebAssembly. */
export interface PageSegment extends AsyncDisposable {
  readonly threads: number;
  /** All that it gives, and the time from its inputs in memory to its outputs in memory. @throws CutpointError CUT_INPUT, CUT_RUN */
  run(inputs: NamedTensors): Promise<{ readonly outputs: NamedTensors; readonly ms: number }>;
}

/** @throws CutpointError as `fetchFile` */
export async function fetchBytes(
  { hash, bytes }: FileName,
  { token, signal }: FetchOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const source = { url: '/v1/content/', token, files: memoryFiles(), onBytes: () => {}, signal };
  return new Uint8Array(await (await fetchFile({ sha256: hash, bytes }, source)).arrayBuffer());
}

/** Loads a segment. @throws CutpointError CUT_PROVIDER if the server has no onnxruntime-web, CUT_LOAD and the like */
export async function loadSegment(model: Uint8Array<ArrayBuffer>): Promise<PageSegment> {
  const worker = new SegmentWorker();
  try {
    const answer = await worker.ask({ kind: 'load', model, runtime: runtimeUrl() }, [model.buffer]);
    const threads = answer.kind === 'loaded' ? answer.threads : 1;
    return {
      threads,
      async run(inputs) {
        const ran = await worker.ask({ kind: 'run', inputs });
        if (ran.kind === 'ran') return { outputs: ran.outputs, ms: ran.ms };
        throw new CutpointError('CUT_INTERNAL', `The worker answered "${ran.kind}" when it was to run.`);
      },
      [Symbol.asyncDispose]: async () => worker.end(),
    };
  } catch (thrown) {
    worker.end();
    throw thrown;
  }
}

interface Waiting {
  resolve(answer: FromSegmentWorker): void;
  reject(error: CutpointError): void;
}

type Ask = ToSegmentWorker extends infer R ? (R extends ToSegmentWorker ? Omit<R, 'id'> : never) : never;

class SegmentWorker {
  readonly #worker = new Worker(new URL('./segment-worker.js', import.meta.url), { type: 'module' });
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;

  constructor() {
    this.#worker.onmessage = ({ data }: MessageEvent<FromSegmentWorker>) => {
      const waiting = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      if (data.kind !== 'failed') waiting?.resolve(data);
      else waiting?.reject(new CutpointError(isErrorCode(data.code) ? data.code : 'CUT_INTERNAL', data.message));
    };
    this.#worker.onerror = ({ message }) =>
      this.#failAll(
        new CutpointError('CUT_WORKER_DIED', `A worker of the page failed: ${message ?? 'it was not loaded'}`),
      );
  }

  ask(asked: Ask, transfer: Transferable[] = []): Promise<FromSegmentWorker> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ ...asked, id }, transfer);
    });
  }

  end(): void {
    this.#worker.terminate();
    this.#failAll(new CutpointError('CUT_DISPOSED', 'The segment was let go.'));
  }

  #failAll(error: CutpointError): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
