import { type LayerWeightName, layerMatrixNames } from '../package/package-manifest.js';
import type { PartContent, WeightContent } from '../package/weight-content.js';
import type { CheckpointTensor, LayerTensorName, LayerTensors } from './checkpoint.js';
import { matrixOf, vectorOf } from './weight-of-tensors.js';
import { type WidthRequest, widthOf } from './widths.js';

/** The tensors of each weight, in the order in which it joins them. */
const sources: Readonly<Record<LayerWeightName, readonly LayerTensorName[]>> = {
  attentionNorm: ['attentionNorm'],
  qkv: ['query', 'key', 'value'],
  qkvBias: ['queryBias', 'keyBias', 'valueBias'],
  queryNorm: ['queryNorm'],
  keyNorm: ['keyNorm'],
  out: ['out'],
  outBias: ['outBias'],
  postAttentionNorm: ['postAttentionNorm'],
  ffnNorm: ['ffnNorm'],
  gateUp: ['gate', 'up'],
  down: ['down'],
  postFfnNorm: ['postFfnNorm'],
};

const matrices: ReadonlySet<string> = new Set(layerMatrixNames);

/**
 * The weights of a layer, read when they are written.
 * @param importance of each column of a matrix, where it is known: rounding then keeps what counts.
 */
export function layerContent(
  layer: LayerTensors,
  request: WidthRequest,
  importance: Readonly<Partial<Record<LayerWeightName, Float32Array>>> = {},
): PartContent<LayerWeightName> {
  const content: Partial<Record<LayerWeightName, WeightContent>> = {};
  for (const [name, roles] of Object.entries(sources) as [LayerWeightName, readonly LayerTensorName[]][]) {
    const tensors = roles
      .map((role) => layer[role])
      .filter((tensor): tensor is CheckpointTensor => tensor !== undefined);
    if (tensors.length === 0) continue;
    content[name] = matrices.has(name)
      ? matrixOf(tensors, widthOf(tensors, request), importance[name])
      : vectorOf(tensors);
  }
  return content;
}
