import type { DecoderConfig, LayerWeightName } from '@cutpoint/llm';
import type { Slice, Span } from './division.js';
import type { ShardHeadWeight } from './shard-content.js';

const sizeOf = ({ from, to }: Span) => to - from;

/** Shapes of the weights of a shard's half layer: `[rows, columns]` of matrices, `[size]` of vectors. @param half even: attention. */
export function halfShapes(
  config: DecoderConfig,
  slice: Slice,
  half: number,
): Partial<Record<LayerWeightName, readonly number[]>> {
  const { hiddenSize, headSize, qkvBias, qkNorm, outBias, postNorms } = config;
  if (half % 2 === 1) {
    const columns = sizeOf(slice.ffnColumns);
    return {
      ffnNorm: [hiddenSize],
      gateUp: [2 * columns, hiddenSize],
      down: [hiddenSize, columns],
      ...(postNorms && { postAttentionNorm: [hiddenSize] }),
    };
  }
  const heads = sizeOf(slice.heads);
  const qkvSize = (heads + 2 * sizeOf(slice.kvHeads)) * headSize;
  return {
    attentionNorm: [hiddenSize],
    qkv: [qkvSize, hiddenSize],
    ...(qkvBias && { qkvBias: [qkvSize] }),
    ...(qkNorm && { queryNorm: [headSize], keyNorm: [headSize] }),
    out: [hiddenSize, heads * headSize],
    ...(outBias && slice.rank === 0 && { outBias: [hiddenSize] }),
    ...(postNorms && half > 0 && { postFfnNorm: [hiddenSize] }),
  };
}

/** Shapes of the weights of a shard's head. */
export function headShapes(
  { hiddenSize, postNorms }: DecoderConfig,
  { vocabulary }: Slice,
): Partial<Record<ShardHeadWeight, readonly number[]>> {
  return {
    norm: [hiddenSize],
    matrix: [sizeOf(vocabulary), hiddenSize],
    ...(postNorms && { postFfnNorm: [hiddenSize] }),
  };
}
