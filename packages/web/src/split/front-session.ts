import { CutpointError, type NamedTensors, type Tensor } from '@cutpoint/core';
import { type Gpu, gpuOnDevice } from '@cutpoint/gpu';
import { loadError, runError } from '@cutpoint/runtime/browser';
import type * as Ort from 'onnxruntime-web';
import { loadRuntime } from '../runtime/load-runtime.js';
import { encodeFront, isOrt } from './encode-front.js';
import { fromOrt, toOrt } from './ort-tensors.js';
import { unlessGpuLost } from './unless-gpu-lost.js';
import type { FrontResult, WorkerRequest } from './worker-messages.js';

type LoadRequest = Extract<WorkerRequest, { kind: 'load' }>;

/** A front segment that is ready to run. */
export interface LoadedFront {
  /** @throws CutpointError CUT_INPUT, CUT_RUN, CUT_CODEC, CUT_GPU_LOST */
  run(inputs: NamedTensors, codec: string): Promise<FrontResult>;
  release(): Promise<void>;
}

/** Loads a front segment with onnxruntime-web. @throws CutpointError CUT_PROVIDER, and what `loadError` gives */
export async function loadFront({ provider, model, sends, answers: wanted }: LoadRequest): Promise<LoadedFront> {
  if (model === null) {
    const answers = wanted === 'all' ? [] : wanted;
    const front = { ort: undefined, session: undefined, gpu: undefined, sends, answers };
    return { run: (inputs, codec) => runFront(front, inputs, codec), release: async () => {} };
  }
  const ort = await loadRuntime(provider);
  const onGpu = provider === 'webgpu';
  const options = {
    executionProviders: [provider],
    ...(onGpu && { preferredOutputLocation: locations(sends, wanted) }),
  };
  const session = await ort.InferenceSession.create(model, options).catch((cause: unknown) => {
    throw loadError(cause, provider);
  });
  const gpu = onGpu ? await gpuOnDevice(await ort.env.webgpu.device) : undefined;
  const answers = wanted === 'all' ? session.outputNames : wanted;
  const front = { ort, session, gpu, sends, answers };
  return {
    run: (inputs, codec) => runFront(front, inputs, codec),
    async release() {
      gpu?.[Symbol.dispose]();
      await session.release();
    },
  };
}

/** What crosses stays on the GPU, and is encoded there. */
function locations(
  sends: readonly string[],
  answers: readonly string[] | 'all',
): Record<string, 'gpu-buffer' | 'cpu'> | 'cpu' {
  if (answers === 'all') return 'cpu';
  return Object.fromEntries(
    [...sends, ...answers].map((name) => [name, answers.includes(name) ? 'cpu' : 'gpu-buffer']),
  );
}

interface Front {
  readonly ort: typeof Ort | undefined;
  readonly session: Ort.InferenceSession | undefined;
  readonly gpu: Gpu | undefined;
  readonly sends: readonly string[];
  readonly answers: readonly string[];
}

async function runFront(
  { ort, session, gpu, sends, answers }: Front,
  inputs: NamedTensors,
  codec: string,
): Promise<FrontResult> {
  const startedAt = performance.now();
  const outputs = ort === undefined || session === undefined ? {} : await infer(ort, session, gpu, inputs);
  const ranAt = performance.now();
  const resultOf = (name: string) => outputs[name] ?? needed(inputs, name);
  const crossing = sends.map((name) => [name, resultOf(name)] as const);
  const encoded = await encodeFront(crossing, codec, gpu);
  const known = answers.map((name) => [name, resultOf(name)] as const);
  return {
    ...encoded,
    answers: new Map(known.map(([name, value]) => [name, isOrt(value) ? fromOrt(value) : value])),
    frontMs: ranAt - startedAt,
    encodeMs: performance.now() - ranAt,
  };
}

async function infer(
  ort: typeof Ort,
  session: Ort.InferenceSession,
  gpu: Gpu | undefined,
  inputs: NamedTensors,
): Promise<Ort.InferenceSession.ReturnType> {
  const feeds = Object.fromEntries(session.inputNames.map((name) => [name, toOrt(ort, needed(inputs, name))]));
  const running = session.run(feeds).catch((cause: unknown) => {
    throw runError(cause);
  });
  if (gpu === undefined) return await running;
  const computed = running.then(async (outputs) => {
    await gpu.device.queue.onSubmittedWorkDone();
    return outputs;
  });
  return await unlessGpuLost(gpu, computed);
}

function needed(inputs: NamedTensors, name: string): Tensor {
  const tensor = inputs.get(name);
  if (tensor !== undefined) return tensor;
  throw new CutpointError('CUT_INPUT', `The front segment needs the input "${name}", and got none.`);
}
