import { CutpointError } from '@cutpoint/core';
import type { LayerWeightName } from '../package/package-manifest.js';
import type { PartContent, WeightContent } from '../package/weight-content.js';
import type { PackageContent } from '../package/write-package.js';
import type { Checkpoint, CheckpointTensor, LayerTensorName, LayerTensors } from './checkpoint.js';
import type { LayerBits } from './layer-bits.js';
import { matrixOf, vectorOf } from './weight-of-tensors.js';
import { embeddingWidthOf, headWidthOf, type WidthRequest, widthOf } from './widths.js';

/**
 * What a package of a checkpoint holds, with weights that are read when they are written.
 * @throws CutpointError CUT_USAGE if there is not one width for each layer.
 */
export function contentOf(checkpoint: Checkpoint, request: WidthRequest, layerBits?: LayerBits): PackageContent {
  const { config, tensors, name, tokenizer } = checkpoint;
  if (layerBits !== undefined && layerBits.layers.length !== config.layers) {
    const message = `The model has ${config.layers} layers, but widths are given for ${layerBits.layers.length}.`;
    throw new CutpointError('CUT_USAGE', message);
  }
  const { embedding, matrix } = tensors;
  const own = (bits: WidthRequest['bits'] | undefined) => ({ ...request, bits: bits ?? request.bits });
  return {
    name,
    config,
    embedding: { table: matrixOf([embedding], embeddingWidthOf(embedding, own(layerBits?.embedding))) },
    layers: tensors.layers.map((layer, i) => layerContent(layer, own(layerBits?.layers[i]))),
    head: {
      norm: vectorOf([tensors.norm]),
      matrix: matrixOf([matrix], headWidthOf(matrix, own(layerBits?.head))),
    },
    tokenizer,
  };
}

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

const matrices: ReadonlySet<string> = new Set(['qkv', 'out', 'gateUp', 'down']);

function layerContent(layer: LayerTensors, request: WidthRequest): PartContent<LayerWeightName> {
  const content: Partial<Record<LayerWeightName, WeightContent>> = {};
  for (const [name, roles] of Object.entries(sources) as [LayerWeightName, readonly LayerTensorName[]][]) {
    const tensors = roles
      .map((role) => layer[role])
      .filter((tensor): tensor is CheckpointTensor => tensor !== undefined);
    if (tensors.length === 0) continue;
    content[name] = matrices.has(name) ? matrixOf(tensors, widthOf(tensors, request)) : vectorOf(tensors);
  }
  return content;
}
