import { extname } from 'node:path';
import { CutpointError, type NamedTensors, type TensorSpec } from '@cutpoint/core';
import type { ProviderChoice, SegmentHealth } from '@cutpoint/runtime';
import {
  loadSegment,
  openSplit,
  type Segment,
  type SegmentOptions,
  type SplitModel,
  type SplitOptions,
} from '@cutpoint/runtime';
import type { InferAnswer, InferOptions, ModelInfo, Models } from './models.js';

/** A whole model that runs in this process, for callers over HTTP. */
export interface LocalModel extends Models, AsyncDisposable {
  readonly name: string;
  readonly health: SegmentHealth;
  /** What computes it, and how that was chosen. */
  readonly provider: Pick<ProviderChoice, 'provider' | 'how'>;
}

/**
 * Loads a model without cuts.
 * @throws CutpointError CUT_USAGE for a model that is there in segments only; what opening and loading throw.
 */
export async function openLocalModel(
  path: string,
  splitOptions: Omit<SplitOptions, 'at'>,
  segmentOptions: SegmentOptions,
): Promise<LocalModel> {
  if (extname(path) === '.json') {
    const message = `${path} holds segments, but HTTP callers are answered by the whole model: give the .onnx file, or leave --http out.`;
    throw new CutpointError('CUT_USAGE', message);
  }
  const model = await openSplit(path, { ...splitOptions, at: [] });
  const source = await model.segments[0]?.source();
  if (source === undefined || source === null) {
    throw new CutpointError('CUT_USAGE', `${path} computes nothing, so there is nothing to ask it over HTTP.`);
  }
  return localModel(model, await loadSegment(source, segmentOptions));
}

const device = 'server';

function localModel(model: SplitModel, segment: Segment): LocalModel {
  const name = model.name.replace(/\.onnx$/, '');
  const fixed = {
    name,
    version: model.modelHash.slice(0, 16),
    platform: 'onnx_onnxruntime',
    inputs: model.inputs,
    outputs: segment.outputs.filter((output): output is TensorSpec => output.dtype !== null),
  };
  return {
    name,
    get health() {
      return segment.health;
    },
    get provider() {
      const { provider, how } = segment.provider;
      return { provider, how };
    },
    list: (): readonly ModelInfo[] => [{ ...fixed, ready: segment.health === 'ready' }],
    async infer(_name: string, tensors: NamedTensors, { outputs, signal }: InferOptions): Promise<InferAnswer> {
      // One that text comes out of can still be asked for its numbers.
      const wanted = outputs ?? fixed.outputs.map((output) => output.name);
      const result = await segment.run(tensors, { signal, transfer: true, outputs: wanted });
      const { queueUs, inputUs, computeUs, outputUs } = result.timing;
      const times = {
        queueMs: queueUs / 1000,
        inputMs: inputUs / 1000,
        computeMs: computeUs / 1000,
        outputMs: outputUs / 1000,
      };
      const timing = { segments: [times], links: [] };
      return { outputs: result.outputs, version: fixed.version, timing, path: [device] };
    },
    [Symbol.asyncDispose]: () => segment.dispose(),
  };
}
