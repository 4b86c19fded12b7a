import type { LoadedRunner } from '@cutpoint/profile/browser';
import { fetchFile } from '../chat/files/fetch-file.js';
import { memoryFiles } from '../chat/files/memory-files.js';
import { FrontRunner } from '../split/front-runner.js';

/** A file of the server, by the SHA-256 of what is in it. */
export interface FileName {
  readonly hash: string;
  readonly bytes: number;
}

export interface FetchOptions {
  readonly token: string | undefined;
  readonly signal: AbortSignal;
}

/** @throws CutpointError as `fetchFile` */
export async function fetchBytes({ hash, bytes }: FileName, { token, signal }: FetchOptions): Promise<ArrayBuffer> {
  const source = { url: '/v1/content/', token, files: memoryFiles(), onBytes: () => {}, signal };
  return await (await fetchFile({ sha256: hash, bytes }, source)).arrayBuffer();
}

/** A segment whose outputs are all given: to be timed. @throws CutpointError CUT_PROVIDER, and what loading a front throws */
export async function loadSegment(model: ArrayBuffer): Promise<LoadedRunner> {
  const runner = await FrontRunner.load(model, { sends: [], answers: 'all' }, 'wasm');
  return {
    async run(inputs) {
      const { answers, frontMs } = await runner.run(inputs, 'raw');
      return { outputs: answers, ms: frontMs };
    },
    [Symbol.asyncDispose]: async () => runner[Symbol.dispose](),
  };
}
