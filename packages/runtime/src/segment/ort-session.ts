import { CutpointError, type TensorSpec, valuesOf } from '@cutpoint/core';
import * as ort from 'onnxruntime-node';
import { unknownProvider } from '../provider/provider-names.js';
import { nowUs } from './clock.js';
import { loadError, noWeightsFolder, runError } from './ort-errors.js';
import { dtypeOfOrt, ortOfDtype } from './ort-types.js';
import type { LoadMessage, Packet, RunMarks, RunMessage, TensorHeader } from './protocol.js';
import type { OutputSpec, ProviderInfo } from './segment.js';

type Payloads = Packet<unknown>['payloads'];

// Errors reach the caller as exceptions; printing them too would only fill somebody else's stderr.
const fatalOnly = 4;
ort.env.logLevel = 'fatal';

/** What the installed onnxruntime-node knows. Loads the native library: never call it on a main thread. */
export function listOrtProviders(): ProviderInfo[] {
  return ort.listSupportedBackends().map(({ name, bundled }) => ({ name, bundled }));
}

/** Session option: where a model that was loaded from bytes finds its external weights. */
const weightsFolderKey = 'model_external_initializers_file_folder_path';

/** One onnxruntime session, spoken to in Cutpoint's words. Blocks the thread it is used on. */
export class OrtSession {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly OutputSpec[];

  private constructor(private readonly session: ort.InferenceSession) {
    this.inputs = session.inputMetadata.map(inputSpec);
    this.outputs = session.outputMetadata.map(outputSpec);
  }

  /** @throws CutpointError CUT_PROVIDER, CUT_MODEL_INVALID, CUT_EXTERNAL_DATA, CUT_UNSUPPORTED_OP or _TYPE, CUT_LOAD. */
  static async load({ source, settings }: LoadMessage, payloads: Payloads): Promise<OrtSession> {
    requireProvider(settings.provider);
    const options: ort.InferenceSession.SessionOptions = {
      executionProviders: [settings.provider],
      intraOpNumThreads: settings.threads,
      interOpNumThreads: 1,
      graphOptimizationLevel: settings.optimisation === 'none' ? 'disabled' : 'all',
      logSeverityLevel: fatalOnly,
    };
    try {
      if (source.kind === 'file') return new OrtSession(await ort.InferenceSession.create(source.path, options));
      const [model = new Uint8Array()] = payloads;
      const extra = { session: { [weightsFolderKey]: source.weightsFolder ?? noWeightsFolder } };
      return new OrtSession(await ort.InferenceSession.create(model, { ...options, extra }));
    } catch (thrown) {
      throw loadError(thrown, settings.provider);
    }
  }

  /** Frees the native session. */
  async release(): Promise<void> {
    await this.session.release();
  }

  /** Runs once. The payloads returned own their buffers. @throws CutpointError CUT_INPUT or CUT_RUN. */
  async run(
    request: RunMessage,
    payloads: Payloads,
  ): Promise<{ outputs: TensorHeader[]; payloads: Uint8Array<ArrayBuffer>[]; marks: Omit<RunMarks, 'freeAt'> }> {
    const feeds = Object.fromEntries(request.inputs.map((header, i) => [header.name, toOrt(header, payloads[i])]));
    const computeFrom = nowUs();
    const results = await this.session.run(feeds, request.outputs).catch((thrown: unknown) => {
      throw runError(thrown);
    });
    const computeTo = nowUs();
    const pairs = request.outputs.map((name) => fromOrt(name, results[name]));
    return {
      outputs: pairs.map(({ header }) => header),
      payloads: pairs.map(({ bytes }) => bytes),
      marks: { computeFrom, computeTo },
    };
  }
}

function requireProvider(provider: string): void {
  const known = ort.listSupportedBackends().map(({ name }) => name as string);
  if (!known.includes(provider)) throw unknownProvider(provider, known);
}

function inputSpec(metadata: ort.InferenceSession.ValueMetadata): TensorSpec {
  const spec = outputSpec(metadata);
  if (spec.dtype !== null) return spec;
  throw new CutpointError(
    'CUT_UNSUPPORTED_TYPE',
    `The input '${spec.name}' is a ${spec.kind}, which cannot be carried.`,
  );
}

function outputSpec(metadata: ort.InferenceSession.ValueMetadata): OutputSpec {
  const { name } = metadata;
  // onnxruntime-node collects tensors in plain objects, where this key sets the prototype instead.
  if (name === '__proto__') {
    throw new CutpointError('CUT_UNSUPPORTED_TYPE', "The runtime cannot carry a tensor named '__proto__'; rename it.");
  }
  if (!metadata.isTensor) return { name, dtype: null, kind: 'non-tensor' };
  const dtype = dtypeOfOrt[metadata.type];
  if (dtype !== undefined) return { name, dtype, shape: metadata.shape.map((dim) => (dim === '' ? null : dim)) };
  if (metadata.type === 'string') return { name, dtype: null, kind: 'string' };
  return { name, dtype: null, kind: 'unsupported type' };
}

function toOrt({ name, dtype, shape }: TensorHeader, data: Uint8Array<ArrayBuffer> | undefined): ort.Tensor {
  const type = ortOfDtype[dtype];
  if (type === undefined || data === undefined) {
    throw new CutpointError('CUT_INTERNAL', `The input '${name}' arrived without bytes or with the type ${dtype}.`);
  }
  return new ort.Tensor(type as ort.Tensor.Type, valuesOf({ dtype, shape, data }) as ort.Tensor.DataType, shape);
}

function fromOrt(
  name: string,
  value: ort.OnnxValue | undefined,
): { header: TensorHeader; bytes: Uint8Array<ArrayBuffer> } {
  const dtype = value instanceof ort.Tensor ? dtypeOfOrt[value.type] : undefined;
  if (!(value instanceof ort.Tensor) || dtype === undefined || !ArrayBuffer.isView(value.data)) {
    throw new CutpointError('CUT_UNSUPPORTED_TYPE', `The output '${name}' is not a tensor that can be carried.`);
  }
  const { buffer, byteOffset, byteLength } = value.data as ArrayBufferView<ArrayBuffer>;
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  const owned = byteLength === buffer.byteLength ? bytes : bytes.slice();
  return { header: { name, dtype, shape: value.dims }, bytes: owned };
}
