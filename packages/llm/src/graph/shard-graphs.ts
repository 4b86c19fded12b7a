import { type Model, tensorValue } from '@cutpoint/graph';
import type { DecoderConfig } from '../architecture/decoder-config.js';
import type { LayerWeightName, PackagePart } from '../package/package-manifest.js';
import {
  type AttentionPart,
  addAttention,
  addAttentionSizes,
  declareAttention,
  declarePosition,
} from './attention-nodes.js';
import { addHead, declareHead } from './decoder-graph.js';
import { addFfn, addFfnSizes } from './ffn-nodes.js';
import { ResidualStream, sumName } from './residual-stream.js';
import { GraphDraft, PartWeights } from './weight-nodes.js';

const normedName = 'normed';

/**
 * What goes into the graphs of a shard and comes out of them, beside `valueNames`. Between two graphs the partial results of all
 * shards are summed up; the sum goes into the next as `update`.
 */
export const shardNames = {
  /** f32 [1, tokens, hiddenSize]: the residual stream before the last sum was added to it. */
  residual: 'residual',
  /** f32 [1, tokens, hiddenSize]: the last sum. The first graph of all has none. */
  update: 'update',
  /** f32 [1, tokens, hiddenSize]: the residual stream with the sum; of a graph with `update`. */
  residualOut: sumName(normedName),
  /** f32 [1, tokens, hiddenSize]: what this shard adds. */
  partial: 'partial',
} as const;

/** Weights of the first or second half of a layer. The norm behind the half before it is its own. */
export type HalfPart = PackagePart<LayerWeightName>;

/**
 * The first half of a layer for some of its heads: from the residual stream to their part of what attention adds.
 * Its weights are `attentionNorm`, `qkv`, `out`, ..., and the `postFfnNorm` of the layer before. Keys and values are called as those
 * of layer 0: graphs of layers that compute alike differ in their weights only.
 */
export function attentionGraph({ layer, ...of }: AttentionPart, half: HalfPart): Model {
  const config = { ...of.config, attention: of.config.attention.slice(layer, layer + 1) };
  const attention: AttentionPart = { ...of, config, layer: 0 };
  const draft = new GraphDraft();
  const weights = new PartWeights(draft, half, 'half');
  const stream = openStream(draft, config, weights, layer === 0 ? undefined : 'postFfnNorm');
  declarePosition(draft, config, [config.attention[0]?.rope ?? 0]);
  declareAttention(draft, attention);
  addAttentionSizes(draft, attention);
  const normed = stream.normed(weights.vector('attentionNorm'), normedName);
  const heads = addAttention(draft, weights, attention, normed, 'heads');
  weights.multiply(heads, 'out', shardNames.partial, 'outBias');
  return finished(draft, config, layer > 0);
}

/**
 * The second half of a layer for some columns of its feed-forward, from the residual stream and the sum of the first half.
 * Its weights are `ffnNorm`, `gateUp`, `down` and the `postAttentionNorm`.
 */
export function ffnGraph(config: DecoderConfig, columns: number, half: HalfPart): Model {
  const draft = new GraphDraft();
  const weights = new PartWeights(draft, half, 'half');
  const stream = openStream(draft, config, weights, 'postAttentionNorm');
  addFfnSizes(draft, columns);
  const normed = stream.normed(weights.vector('ffnNorm'), normedName);
  addFfn(draft, weights, config, normed, { prefix: 'ffn', inner: 'inner', output: shardNames.partial });
  return finished(draft, config, true);
}

/** Weights of the head: the last norm, the rows of some tokens, and the norm behind the last layer. */
export type ShardHeadPart = PackagePart<'norm' | 'matrix' | 'postFfnNorm'>;

/** The head for some tokens of the vocabulary, from the residual stream and the sum of the last layer. */
export function shardHeadGraph(config: DecoderConfig, vocabulary: number, head: ShardHeadPart): Model {
  const draft = new GraphDraft();
  const weights = new PartWeights(draft, head, 'head');
  const stream = openStream(draft, config, weights, 'postFfnNorm');
  declareHead(draft, vocabulary);
  addHead(draft, stream, weights);
  return draft.build();
}

/** @param behind the norm of the sum that goes in; undefined where none goes in. */
function openStream<Name extends string>(
  draft: GraphDraft,
  config: DecoderConfig,
  weights: PartWeights<Name>,
  behind: Name | undefined,
): ResidualStream {
  const shape = [1, 'tokens', config.hiddenSize];
  draft.inputs.push(tensorValue(shardNames.residual, 'f32', shape));
  const stream = new ResidualStream(draft, config, shardNames.residual);
  if (behind === undefined) return stream;
  draft.inputs.push(tensorValue(shardNames.update, 'f32', shape));
  const normed = () => stream.norm(shardNames.update, weights.vector(behind), 'update.normed');
  stream.add(config.postNorms ? normed() : shardNames.update);
  return stream;
}

function finished(draft: GraphDraft, { hiddenSize }: DecoderConfig, hasUpdate: boolean): Model {
  for (const name of hasUpdate ? [shardNames.partial, shardNames.residualOut] : [shardNames.partial]) {
    draft.outputs.push(tensorValue(name, 'f32', [1, 'tokens', hiddenSize]));
  }
  return draft.build();
}
