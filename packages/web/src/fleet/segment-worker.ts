import '../ui/dispose.js';
import { asCutpointError, CutpointError, type NamedTensors, type Tensor, valuesOf } from '@cutpoint/core';
import { dtypeOfOrt, loadError, ortOfDtype, runError } from '@cutpoint/runtime/browser';
import type * as Ort from 'onnxruntime-web';
import { loadRuntime } from '../chat/worker/load-runtime.js';
import type { FromSegmentWorker, ToSegmentWorker } from './segment-messages.js';

// The worker that holds one segment of the fleet: inference stops the thread that it runs on.
let loaded: { readonly ort: typeof Ort; readonly session: Ort.InferenceSession } | undefined;

self.onmessage = ({ data }: MessageEvent<ToSegmentWorker>) => {
  answer(data).then(
    (answered) => postMessage(answered),
    (thrown: unknown) => {
      const { code, message } = asCutpointError(thrown, 'CUT_RUN');
      postMessage({ id: data.id, kind: 'failed', code, message } satisfies FromSegmentWorker);
    },
  );
};

async function answer(asked: ToSegmentWorker): Promise<FromSegmentWorker> {
  const { id } = asked;
  if (asked.kind === 'load') {
    const { runtime, threads } = await loadRuntime(asked.runtime);
    const ort = runtime as unknown as typeof Ort;
    const session = await ort.InferenceSession.create(asked.model, { executionProviders: ['wasm'] }).catch(
      (cause: unknown) => {
        throw loadError(cause, 'wasm');
      },
    );
    loaded = { ort, session };
    return { id, kind: 'loaded', threads };
  }
  if (loaded === undefined) throw new CutpointError('CUT_RUN', 'No segment is loaded in this worker.');
  return { id, kind: 'ran', ...(await run(loaded, asked.inputs)) };
}

async function run({ ort, session }: NonNullable<typeof loaded>, inputs: NamedTensors) {
  const feeds = Object.fromEntries(session.inputNames.map((name) => [name, toOrt(ort, inputs, name)]));
  const began = performance.now();
  const given = await session.run(feeds).catch((cause: unknown) => {
    throw runError(cause);
  });
  const ms = performance.now() - began;
  return { outputs: new Map(Object.entries(given).map(([name, value]) => [name, fromOrt(value)])), ms };
}

function toOrt(ort: typeof Ort, inputs: NamedTensors, name: string): Ort.Tensor {
  const tensor = inputs.get(name);
  if (tensor === undefined)
    throw new CutpointError('CUT_INPUT', `The segment needs the input "${name}", and got none.`);
  const type = ortOfDtype[tensor.dtype];
  if (type === undefined)
    throw new CutpointError('CUT_UNSUPPORTED_TYPE', `The runtime has no tensors of ${tensor.dtype}.`);
  return new ort.Tensor(type as Ort.Tensor.Type, valuesOf(tensor) as Ort.Tensor.DataType, tensor.shape);
}

/** Copied: what the runtime gives may lie in its own memory. */
function fromOrt({ type, dims, data }: Ort.Tensor): Tensor {
  const dtype = dtypeOfOrt[type];
  if (dtype === undefined || !ArrayBuffer.isView(data))
    throw new CutpointError('CUT_UNSUPPORTED_TYPE', `A tensor of the type ${type} cannot be carried.`);
  const { buffer, byteOffset, byteLength } = data as ArrayBufferView<ArrayBuffer>;
  return { dtype, shape: dims, data: new Uint8Array(buffer, byteOffset, byteLength).slice() };
}
