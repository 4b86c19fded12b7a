import '../ui/dispose.js';
import '../ui/no-eval.js';
import { asCutpointError, CutpointError } from '@cutpoint/core';
import { type LoadedFront, loadFront } from './front-session.js';
import type { WorkerAnswer, WorkerRequest } from './worker-messages.js';

// The worker of a page that runs front segments: inference stops the thread that it runs on.
let loaded: LoadedFront | undefined;

self.onmessage = ({ data }: MessageEvent<WorkerRequest>) => {
  answer(data).then(
    (answered) => postMessage(answered),
    (thrown: unknown) => {
      const { code, message } = asCutpointError(thrown, 'CUT_RUN');
      postMessage({ id: data.id, kind: 'failed', code, message } satisfies WorkerAnswer);
    },
  );
};

async function answer(request: WorkerRequest): Promise<WorkerAnswer> {
  const { id } = request;
  if (request.kind === 'load') {
    await loaded?.release();
    loaded = await loadFront(request);
    return { id, kind: 'loaded' };
  }
  if (loaded === undefined) throw new CutpointError('CUT_RUN', 'No segment is loaded in this page.');
  return { id, kind: 'ran', result: await loaded.run(request.inputs, request.codec) };
}
