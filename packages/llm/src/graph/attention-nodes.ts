import { attribute, type onnx, tensorValue } from '@cutpoint/graph';
import type { DecoderConfig } from '../architecture/decoder-config.js';
import type { LayerWeightName } from '../package/package-manifest.js';
import type { CacheKind } from './cache-kind.js';
import { valueNames } from './names.js';
import type { GraphDraft, PartWeights } from './weight-nodes.js';

/** Neighbouring heads of keys and values that are read by equally many query heads each. */
export interface HeadRun {
  readonly heads: number;
  readonly kvHeads: number;
}

/** What of a layer's attention a graph computes. */
export interface AttentionPart {
  readonly config: DecoderConfig;
  readonly layer: number;
  readonly cache: CacheKind;
  /** All heads of the whole layer, or those of a shard: each run is a node of its own, with its own inputs of the past (`valueNames.pastOfRun`). */
  readonly runs: readonly HeadRun[];
}

/** Declares the sizes that `addAttention` divides queries, keys and values by; once in a graph. */
export function addAttentionSizes(
  draft: GraphDraft,
  { config: { headSize, qkNorm }, cache, runs }: Omit<AttentionPart, 'layer'>,
): void {
  const heads = sumOf(runs.map((run) => run.heads));
  const kvHeads = sumOf(runs.map((run) => run.kvHeads));
  draft.sizes('qkvSizes', [heads * headSize, kvHeads * headSize, kvHeads * headSize]);
  if (runs.length > 1) {
    draft.sizes(
      'queryRuns',
      runs.map((run) => run.heads * headSize),
    );
    draft.sizes(
      'kvRuns',
      runs.map((run) => run.kvHeads * headSize),
    );
  }
  if (cache === '8') for (const [i, run] of runs.entries()) draft.sizes(pastShape(i), [1, run.kvHeads, -1, headSize]);
  if (!qkNorm) return;
  draft.sizes('byHead', [1, 0, -1, headSize]);
  draft.sizes('joined', [1, 0, -1]);
}

const pastShape = (run: number) => `pastShape.${run}`;

function sumOf(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

/**
 * Attention of one layer from its normalised input [1, tokens, hiddenSize] to heads * headSize, before the output matrix.
 * The new keys and values leave as they come out of the projection.
 */
export function addAttention(
  draft: GraphDraft,
  weights: PartWeights<LayerWeightName>,
  part: AttentionPart,
  normed: string,
  output: string,
): string {
  const { config, layer, runs } = part;
  const prefix = `layer.${layer}`;
  const qkv = weights.multiply(normed, 'qkv', `${prefix}.qkv`, 'qkvBias');
  const [query, key, value] = [`${prefix}.query`, valueNames.presentKey(layer), valueNames.presentValue(layer)];
  const whole = runs.length === 1;
  if (config.qkNorm) addNormedSplit(draft, weights, config, layer, qkv, { query, key, value });
  else if (whole) draft.addLeaf('Split', [qkv, 'qkvSizes'], [query, key, value], { axis: attribute.int(2) });
  else draft.add('Split', [qkv, 'qkvSizes'], [query, key, value], { axis: attribute.int(2) });
  if (whole) {
    const inputs = config.qkNorm ? ([query, key, value] as const) : ([qkv, '', ''] as const);
    return addHeads(draft, part, 0, inputs, output);
  }
  const each = (of: string) => runs.map((_, run) => `${of}.run${run}`);
  for (const [of, sizes] of [
    [query, 'queryRuns'],
    [key, 'kvRuns'],
    [value, 'kvRuns'],
  ] as const) {
    draft.add('Split', [of, sizes], each(of), { axis: attribute.int(2) });
  }
  const outputs = runs.map((_, run) => {
    const inputs = [query, key, value].map((of) => `${of}.run${run}`);
    return addHeads(draft, part, run, inputs, `${output}.run${run}`);
  });
  return draft.add('Concat', outputs, [output], { axis: attribute.int(2) });
}

/**
 * The heads of one run. One node does rotary embedding, scores, softmax and sums. Its `present` outputs, past and new in one,
 * leave the graph nowhere, but must be named: without them the node ignores the past.
 * @param inputs queries, keys and values, or all in the first.
 */
function addHeads(
  draft: GraphDraft,
  { config, layer, cache, runs }: AttentionPart,
  run: number,
  inputs: readonly string[],
  output: string,
): string {
  const { heads, kvHeads } = runs[run] ?? { heads: 0, kvHeads: 0 };
  const { rope, windowTokens } = config.attention[layer] ?? { rope: 0, windowTokens: null };
  const past = (name: string) => addWidening(draft, cache, valueNames.pastOfRun(name, run), pastShape(run));
  const joined = [`${output}.joinedKeys`, `${output}.joinedValues`];
  draft.microsoft(
    'GroupQueryAttention',
    [
      ...inputs,
      past(valueNames.pastKey(layer)),
      past(valueNames.pastValue(layer)),
      valueNames.lastPosition,
      valueNames.totalTokens,
      valueNames.cosines(rope),
      valueNames.sines(rope),
    ],
    [output, ...joined],
    {
      num_heads: attribute.int(heads),
      kv_num_heads: attribute.int(kvHeads),
      scale: attribute.float(config.attentionScale),
      do_rotary: attribute.int(1),
      ...(windowTokens === null ? {} : { local_window_size: attribute.int(windowTokens) }),
    },
  );
  // A value that no node takes is freed at the end of a pass only: together they would be as large as the whole cache.
  for (const value of joined) draft.addLeaf('Shape', [value], [`${value}.shape`]);
  return output;
}

/** Declares what `addAttention` takes from outside, and the new keys and values that it gives. */
export function declareAttention(draft: GraphDraft, { config, layer, cache, runs }: AttentionPart): void {
  const { headSize } = config;
  for (const name of [valueNames.pastKey(layer), valueNames.pastValue(layer)]) {
    for (const [run, { kvHeads }] of runs.entries()) {
      draft.inputs.push(...pastValues(valueNames.pastOfRun(name, run), kvHeads, headSize, cache));
    }
  }
  const kvHeads = sumOf(runs.map((run) => run.kvHeads));
  for (const name of [valueNames.presentKey(layer), valueNames.presentValue(layer)]) {
    draft.outputs.push(tensorValue(name, 'f32', [1, 'tokens', kvHeads * headSize]));
  }
}

function pastValues(name: string, kvHeads: number, headSize: number, cache: CacheKind): onnx.ValueInfoProto[] {
  if (cache !== '8') return [tensorValue(name, cache, [1, kvHeads, 'capacity', headSize])];
  return [
    tensorValue(name, 'i8', ['cachedHeads', headSize]),
    tensorValue(valueNames.scalesOf(name), 'f32', ['cachedHeads']),
  ];
}

/** Declares the position of a pass, and the tables of these ropes. */
export function declarePosition(draft: GraphDraft, { headSize }: DecoderConfig, ropes: readonly number[]): void {
  draft.inputs.push(tensorValue(valueNames.lastPosition, 'i32', [1]));
  draft.inputs.push(tensorValue(valueNames.totalTokens, 'i32', []));
  for (const rope of ropes) {
    for (const name of [valueNames.cosines(rope), valueNames.sines(rope)]) {
      draft.inputs.push(tensorValue(name, 'f32', ['positions', headSize / 2]));
    }
  }
}

/**
 * Keys or values of a cache as f32, for one layer: the runtime frees them behind its attention. Attention itself takes f16
 * too, but slower, and codes with one scale for all tokens only (docs/decisions.md has the figures).
 */
function addWidening(draft: GraphDraft, cache: CacheKind, past: string, shape: string): string {
  if (cache === 'f32') return past;
  const wide = `${past}.wide`;
  if (cache === 'f16') return draft.add('Cast', [past], [wide], { to: attribute.int(1) });
  const scales = valueNames.scalesOf(past);
  const rows = draft.add('DequantizeLinear', [past, scales], [`${past}.rows`], { axis: attribute.int(0) });
  return draft.add('Reshape', [rows, shape], [wide]);
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
