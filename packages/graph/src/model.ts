import { fromBinary } from '@bufbuild/protobuf';
import { CutpointError, messageOf } from '@cutpoint/core';
import { checkLimits } from './limits.js';
import { type GraphProto, type ModelProto, ModelProtoSchema } from './onnx_pb.js';

/** An ONNX model in memory. Weights inside the file are views of its bytes; external weights are not read. */
export type Model = ModelProto & { graph: GraphProto };

/** Protobuf cannot express a longer message; larger models keep their weights in external files. */
export const maxModelBytes = 2 ** 31 - 1;

const oldestOpset = 7n;
const newestIrVersion = 64n;

/**
 * Reads an ONNX model. The result keeps views of `bytes` (its weights), so `bytes` must not change afterwards.
 * @throws CutpointError CUT_MODEL_INVALID if the bytes are not a complete ONNX model, CUT_MODEL_TOO_LARGE over 2 GB.
 */
export function parseModel(bytes: Uint8Array, name = 'The file'): Model {
  if (bytes.byteLength > maxModelBytes) {
    throw new CutpointError(
      'CUT_MODEL_TOO_LARGE',
      `${name} is larger than 2 GB, which protobuf does not allow: save it with external data.`,
    );
  }
  const model = decode(bytes, name);
  if (!hasGraph(model)) throw invalid(name, 'it contains no graph');
  checkVersions(model, name);
  return model;
}

function decode(bytes: Uint8Array, name: string): ModelProto {
  try {
    checkLimits(ModelProtoSchema, bytes);
    return fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    throw new CutpointError(
      'CUT_MODEL_INVALID',
      `${name} is not an ONNX model, or is truncated: ${messageOf(cause)}.`,
      { cause },
    );
  }
}

function hasGraph(model: ModelProto): model is Model {
  return model.graph !== undefined;
}

function checkVersions(model: Model, name: string): void {
  if (model.irVersion < 1n || model.irVersion > newestIrVersion) {
    throw invalid(name, `its IR version is ${model.irVersion}`);
  }
  const opset = model.opsetImport.find((entry) => isDefaultDomain(entry.domain));
  if (opset !== undefined && opset.version < oldestOpset) {
    throw invalid(
      name,
      `its opset ${opset.version} is older than ${oldestOpset}, the oldest that the runtime executes`,
    );
  }
  if (model.opsetImport.length === 0) throw invalid(name, 'it names no operator set');
  if (model.graph.node.length > 0 && model.graph.output.length === 0) throw invalid(name, 'its graph has no outputs');
}

/** True for the domain of ONNX's own operators, which has two spellings. */
export function isDefaultDomain(domain: string): boolean {
  return domain === '' || domain === 'ai.onnx';
}

function invalid(name: string, why: string): CutpointError {
  return new CutpointError('CUT_MODEL_INVALID', `${name} is not a usable ONNX model: ${why}.`);
}
