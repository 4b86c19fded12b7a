import { CutpointError } from '@cutpoint/core';
import type { DecoderConfig } from '../architecture/decoder-config.js';
import type { CheckpointTensor, DecoderTensors, LayerTensorName, LayerTensors } from './checkpoint.js';

/** What a kind of checkpoint calls its tensors. */
export interface TensorNames {
  readonly embedding: string;
  readonly norm: string;
  readonly matrix: string;
  readonly layer: (layer: number, name: LayerTensorName) => string;
}

/** The shapes of a layer's tensors, `[rows, columns]`; vectors are one row. */
export function layerTensorShapes(config: DecoderConfig): Partial<Record<LayerTensorName, readonly [number, number]>> {
  const { hiddenSize, heads, kvHeads, headSize, ffnSize } = config;
  const [queries, keys] = [heads * headSize, kvHeads * headSize];
  const norm = [1, hiddenSize] as const;
  return {
    attentionNorm: norm,
    query: [queries, hiddenSize],
    key: [keys, hiddenSize],
    value: [keys, hiddenSize],
    ...(config.qkvBias && { queryBias: [1, queries], keyBias: [1, keys], valueBias: [1, keys] }),
    ...(config.qkNorm && { queryNorm: [1, headSize], keyNorm: [1, headSize] }),
    out: [hiddenSize, queries],
    ...(config.outBias && { outBias: norm }),
    ...(config.postNorms && { postAttentionNorm: norm, postFfnNorm: norm }),
    ffnNorm: norm,
    gate: [ffnSize, hiddenSize],
    up: [ffnSize, hiddenSize],
    down: [hiddenSize, ffnSize],
  };
}

/**
 * Finds every tensor that a decoder needs, in its shape. Others of the checkpoint stay unused.
 * @param find the tensor of a name, ready to be used in that role.
 * @throws CutpointError CUT_CHECKPOINT for the first that is missing or of another shape.
 */
export function arrangeTensors(
  config: DecoderConfig,
  names: TensorNames,
  find: (name: string, role: LayerTensorName | 'embedding' | 'norm' | 'matrix') => CheckpointTensor | undefined,
): DecoderTensors {
  const need = (name: string, role: Parameters<typeof find>[1], [rows, columns]: readonly [number, number]) => {
    const tensor = find(name, role);
    if (tensor === undefined)
      throw new CutpointError('CUT_CHECKPOINT', `The checkpoint has no tensor ${name}: download it again, complete.`);
    if (tensor.rows === rows && tensor.columns === columns) return tensor;
    const message = `Tensor ${name} is [${tensor.rows}, ${tensor.columns}], but the configuration says [${rows}, ${columns}]: they do not belong together.`;
    throw new CutpointError('CUT_CHECKPOINT', message);
  };
  const table = [config.vocabularySize, config.hiddenSize] as const;
  const shapes = Object.entries(layerTensorShapes(config)) as [LayerTensorName, readonly [number, number]][];
  const embedding = need(names.embedding, 'embedding', table);
  const layers = Array.from(
    { length: config.layers },
    (_, layer): LayerTensors =>
      Object.fromEntries(shapes.map(([role, shape]) => [role, need(names.layer(layer, role), role, shape)])),
  );
  const norm = need(names.norm, 'norm', [1, config.hiddenSize]);
  const matrix = config.tiedEmbeddings ? embedding : need(names.matrix, 'matrix', table);
  return { embedding, layers, norm, matrix };
}
