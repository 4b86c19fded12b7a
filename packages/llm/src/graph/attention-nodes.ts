import { attribute } from '@cutpoint/graph';
import type { DecoderConfig } from '../architecture/decoder-config.js';
import type { LayerWeightName } from '../package/package-manifest.js';
import type { CacheKind } from './cache-kind.js';
import { valueNames } from './names.js';
import type { GraphDraft, PartWeights } from './weight-nodes.js';

/**
 * Attention of one layer from its normalised input [1, tokens, hiddenSize] to heads * headSize, before the output matrix.
 * One node does rotary embedding, scores, softmax and sums. Its `present` outputs, past and new in one, leave the
 * graph nowhere, but must be named: without them the node ignores the past. The new keys and values leave as they come out
 * of the projection.
 */
export function addAttention(
  draft: GraphDraft,
  weights: PartWeights<LayerWeightName>,
  config: DecoderConfig,
  layer: number,
  cache: CacheKind,
  normed: string,
  output: string,
): string {
  const { heads, kvHeads } = config;
  const prefix = `layer.${layer}`;
  const qkv = weights.multiply(normed, 'qkv', `${prefix}.qkv`, 'qkvBias');
  const [key, value] = [valueNames.presentKey(layer), valueNames.presentValue(layer)];
  const query = `${prefix}.query`;
  if (config.qkNorm) addNormedSplit(draft, weights, config, layer, qkv, { query, key, value });
  else draft.addLeaf('Split', [qkv, 'qkvSizes'], [query, key, value], { axis: attribute.int(2) });
  const { rope, windowTokens } = config.attention[layer] ?? { rope: 0, windowTokens: null };
  const inputs = [
    ...(config.qkNorm ? [query, key, value] : [qkv, '', '']),
    addWidening(draft, cache, valueNames.pastKey(layer)),
    addWidening(draft, cache, valueNames.pastValue(layer)),
    valueNames.lastPosition,
    valueNames.totalTokens,
    valueNames.cosines(rope),
    valueNames.sines(rope),
  ];
  const joined = [`${prefix}.joinedKeys`, `${prefix}.joinedValues`];
  draft.microsoft('GroupQueryAttention', inputs, [output, ...joined], {
    num_heads: attribute.int(heads),
    kv_num_heads: attribute.int(kvHeads),
    scale: attribute.float(config.attentionScale),
    do_rotary: attribute.int(1),
    ...(windowTokens === null ? {} : { local_window_size: attribute.int(windowTokens) }),
  });
  // A value that no node takes is freed at the end of a pass only: together they would be as large as the whole cache.
  for (const value of joined) draft.addLeaf('Shape', [value], [`${value}.shape`]);
  return output;
}

/**
 * Keys or values of a cache as f32, for one layer: the runtime frees them behind its attention. Attention itself takes f16
 * too, but slower, and codes with one scale for all tokens only (docs/decisions.md has the figures).
 */
function addWidening(draft: GraphDraft, cache: CacheKind, past: string): string {
  if (cache === 'f32') return past;
  const wide = `${past}.wide`;
  if (cache === 'f16') return draft.add('Cast', [past], [wide], { to: attribute.int(1) });
  const scales = valueNames.scalesOf(past);
  const rows = draft.add('DequantizeLinear', [past, scales], [`${past}.rows`], { axis: attribute.int(0) });
  return draft.add('Reshape', [rows, 'pastShape'], [wide]);
}

/** Splits queries, keys and values, and normalises the first two per head. */
function addNormedSplit(
  draft: GraphDraft,
  weights: PartWeights<LayerWeightName>,
  config: DecoderConfig,
  layer: number,
  qkv: string,
  names: { readonly query: string; readonly key: string; readonly value: string },
): void {
  const prefix = `layer.${layer}`;
  const epsilon = attribute.float(config.normEpsilon);
  draft.add('Split', [qkv, 'qkvSizes'], [`${prefix}.query.raw`, `${prefix}.key.raw`, names.value], {
    axis: attribute.int(2),
  });
  for (const [kind, weightName, output] of [
    ['query', 'queryNorm', names.query],
    ['key', 'keyNorm', names.key],
  ] as const) {
    const byHead = draft.add('Reshape', [`${prefix}.${kind}.raw`, 'byHead'], [`${prefix}.${kind}.heads`]);
    const gamma = weights.vector(weightName);
    const normed = draft.add('SimplifiedLayerNormalization', [byHead, gamma], [`${prefix}.${kind}.normed`], {
      axis: attribute.int(-1),
      epsilon,
    });
    draft.add('Reshape', [normed, 'joined'], [output]);
  }
}
