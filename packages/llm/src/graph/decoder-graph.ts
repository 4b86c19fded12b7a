import { CutpointError } from '@cutpoint/core';
import { attribute, buildModel, type Model, type onnx, tensorValue, weight } from '@cutpoint/graph';
import type { DecoderConfig } from '../architecture/decoder-config.js';
import {
  type LayerMatrixName,
  type LayerWeightName,
  layerMatrixNames,
  type PackageManifest,
} from '../package/package-manifest.js';
import { addAttention } from './attention-nodes.js';
import type { CacheKind } from './cache-kind.js';
import { valueNames } from './names.js';
import type { LayerRange } from './range.js';
import { GraphDraft, PartWeights } from './weight-nodes.js';

export interface GraphOptions {
  /** What the past's keys and values come as. Default `f32`. */
  readonly cache?: CacheKind;
  /** Whether what goes into each matrix leaves the graph as well (`valueNames.matrixInput`). Default: no. */
  readonly matrixInputs?: boolean;
}

/** What a graph is made from: of a package, or of a single layer. */
export type DecoderParts = Pick<PackageManifest, 'config' | 'layers' | 'head'>;

/**
 * The ONNX graph of a range of layers; its weights are external data in the package's files. What goes in and out is
 * said at `valueNames`. Sequences of one pass: one; tokens of a pass: any number.
 * @throws CutpointError CUT_ILLEGAL_CUT if the model has no such range, CUT_PACKAGE if a weight is
 * missing, or heads have a size that the runtime cannot compute.
 */
export function decoderGraph(
  manifest: DecoderParts,
  range: LayerRange,
  { cache = 'f32', matrixInputs = false }: GraphOptions = {},
): Model {
  const { config } = manifest;
  requireRange(config, range);
  requireHeads(config);
  const draft = new GraphDraft();
  declareValues(draft, config, range, cache);
  if (matrixInputs) declareMatrixInputs(draft, config, range);
  addSizes(draft, config, cache);
  const stream = new ResidualStream(draft, config);
  for (let layer = range.from; layer < range.to; layer++) {
    const part = manifest.layers[layer];
    if (part === undefined) throw new CutpointError('CUT_PACKAGE', `The manifest lacks the layer ${layer}.`);
    addLayer(draft, stream, new PartWeights(draft, part, `layer.${layer}`), config, layer, cache);
  }
  if (range.head) addHead(draft, stream, manifest);
  else stream.leave();
  return buildModel({
    inputs: draft.inputs,
    outputs: draft.outputs,
    nodes: draft.ordered,
    initializers: draft.initializers,
    domains: { 'com.microsoft': 1 },
  });
}

function requireRange({ layers }: DecoderConfig, { from, to, head }: LayerRange): void {
  const whole = Number.isSafeInteger(from) && Number.isSafeInteger(to);
  if (whole && from >= 0 && from <= to && to <= layers && (from < to || head) && (!head || to === layers)) return;
  const text = `layers ${from} to ${to}${head ? ' with the head' : ''}`;
  throw new CutpointError(
    'CUT_ILLEGAL_CUT',
    `There is no range of ${text}: the model has layers 0 to ${layers}, and the head is behind the last.`,
  );
}

function requireHeads({ headSize }: DecoderConfig): void {
  if (headSize % 16 === 0) return;
  throw new CutpointError(
    'CUT_PACKAGE',
    `Heads of ${headSize} elements cannot be computed: onnxruntime takes multiples of 16 only.`,
  );
}

function declareValues(
  draft: GraphDraft,
  config: DecoderConfig,
  { from, to, head }: LayerRange,
  cache: CacheKind,
): void {
  const { hiddenSize, kvHeads, headSize, vocabularySize } = config;
  draft.inputs.push(tensorValue(valueNames.hidden, 'f32', [1, 'tokens', hiddenSize]));
  if (from < to) {
    draft.inputs.push(tensorValue(valueNames.lastPosition, 'i32', [1]));
    draft.inputs.push(tensorValue(valueNames.totalTokens, 'i32', []));
  }
  for (const rope of ropesOf(config, { from, to, head })) {
    for (const name of [valueNames.cosines(rope), valueNames.sines(rope)]) {
      draft.inputs.push(tensorValue(name, 'f32', ['positions', headSize / 2]));
    }
  }
  for (let layer = from; layer < to; layer++) {
    for (const name of [valueNames.pastKey(layer), valueNames.pastValue(layer)]) {
      draft.inputs.push(...pastValues(name, config, cache));
    }
    for (const name of [valueNames.presentKey(layer), valueNames.presentValue(layer)]) {
      draft.outputs.push(tensorValue(name, 'f32', [1, 'tokens', kvHeads * headSize]));
    }
  }
  if (head) {
    draft.inputs.push(tensorValue(valueNames.logitsRows, 'i64', ['rows']));
    draft.outputs.push(tensorValue(valueNames.logits, 'f32', [1, 'rows', vocabularySize]));
  } else {
    draft.outputs.push(tensorValue(valueNames.hiddenOut, 'f32', [1, 'tokens', hiddenSize]));
  }
}

function pastValues(name: string, { kvHeads, headSize }: DecoderConfig, cache: CacheKind): onnx.ValueInfoProto[] {
  if (cache !== '8') return [tensorValue(name, cache, [1, kvHeads, 'capacity', headSize])];
  return [
    tensorValue(name, 'i8', ['cachedHeads', headSize]),
    tensorValue(valueNames.scalesOf(name), 'f32', ['cachedHeads']),
  ];
}

function declareMatrixInputs(draft: GraphDraft, config: DecoderConfig, { from, to }: LayerRange): void {
  const { hiddenSize, heads, headSize, ffnSize } = config;
  const columns = { qkv: hiddenSize, out: heads * headSize, gateUp: hiddenSize, down: ffnSize };
  for (let layer = from; layer < to; layer++) {
    for (const name of layerMatrixNames) {
      draft.outputs.push(tensorValue(valueNames.matrixInput(layer, name), 'f32', [1, 'tokens', columns[name]]));
    }
  }
}

/** Which of the config's ropes the layers of a range use, each once. */
export function ropesOf(config: DecoderConfig, { from, to }: LayerRange): number[] {
  return [...new Set(config.attention.slice(from, to).map(({ rope }) => rope))];
}

function addSizes(draft: GraphDraft, config: DecoderConfig, cache: CacheKind): void {
  const { heads, kvHeads, headSize, qkNorm, ffnSize } = config;
  const sizes = (name: string, values: readonly number[]) =>
    draft.initializers.push(weight(name, 'i64', [values.length], new BigInt64Array(values.map(BigInt))));
  sizes('qkvSizes', [heads * headSize, kvHeads * headSize, kvHeads * headSize]);
  sizes('gateUpSizes', [ffnSize, ffnSize]);
  if (cache === '8') sizes('pastShape', [1, kvHeads, -1, headSize]);
  if (!qkNorm) return;
  sizes('byHead', [1, 0, -1, headSize]);
  sizes('joined', [1, 0, -1]);
}

/** The sum that runs through all layers. The last addition waits for the norm behind it, to be one node with it. */
class ResidualStream {
  readonly #draft: GraphDraft;
  readonly #config: DecoderConfig;
  #sum: string = valueNames.hidden;
  #pending: string | undefined;

  constructor(draft: GraphDraft, config: DecoderConfig) {
    this.#draft = draft;
    this.#config = config;
  }

  add(value: string): void {
    this.#pending = value;
  }

  /** The sum, normalised, under a name. */
  normed(gamma: string, output: string): string {
    if (this.#pending === undefined) return this.norm(this.#sum, gamma, output);
    const epsilon = attribute.float(this.#config.normEpsilon);
    const outputs = [output, '', '', `${output}.sum`];
    this.#draft.microsoft('SkipSimplifiedLayerNormalization', [this.#sum, this.#pending, gamma], outputs, { epsilon });
    this.#sum = `${output}.sum`;
    this.#pending = undefined;
    return output;
  }

  /** Any value, normalised. */
  norm(input: string, gamma: string, output: string): string {
    return this.#draft.add('SimplifiedLayerNormalization', [input, gamma], [output], {
      axis: attribute.int(-1),
      epsilon: attribute.float(this.#config.normEpsilon),
    });
  }

  /** Gives the sum out. */
  leave(): void {
    this.#draft.add('Add', [this.#sum, this.#pending ?? ''], [valueNames.hiddenOut]);
  }
}

function addLayer(
  draft: GraphDraft,
  stream: ResidualStream,
  weights: PartWeights<LayerWeightName>,
  config: DecoderConfig,
  layer: number,
  cache: CacheKind,
): void {
  const { postNorms } = config;
  const prefix = `layer.${layer}`;
  const gamma = (name: LayerWeightName) => weights.vector(name);
  const behind = (value: string, name: LayerWeightName) =>
    postNorms ? stream.norm(value, gamma(name), `${value}.normed`) : value;

  const into = (name: LayerMatrixName) => valueNames.matrixInput(layer, name);

  const first = stream.normed(gamma('attentionNorm'), into('qkv'));
  const attention = addAttention(draft, weights, config, layer, cache, first, into('out'));
  const out = weights.multiply(attention, 'out', `${prefix}.out`, 'outBias');
  stream.add(behind(out, 'postAttentionNorm'));

  const normed = stream.normed(gamma('ffnNorm'), into('gateUp'));
  const gateUp = weights.multiply(normed, 'gateUp', `${prefix}.gateUp`);
  const [gate, up] = [`${prefix}.gate`, `${prefix}.up`];
  draft.add('Split', [gateUp, 'gateUpSizes'], [gate, up], { axis: attribute.int(2) });
  const activated = addActivation(draft, config, gate);
  const gated = draft.add('Mul', [activated, up], [into('down')]);
  const down = weights.multiply(gated, 'down', `${prefix}.down`);
  stream.add(behind(down, 'postFfnNorm'));
}

function addActivation(draft: GraphDraft, { activation }: DecoderConfig, gate: string): string {
  const output = `${gate}.activated`;
  // QuickGelu with alpha 1 is x * sigmoid(x), in one node; FastGelu is gelu by tanh.
  if (activation === 'silu') return draft.microsoft('QuickGelu', [gate], [output], { alpha: attribute.float(1) });
  return draft.microsoft('FastGelu', [gate], [output]);
}

function addHead(draft: GraphDraft, stream: ResidualStream, { head }: DecoderParts): void {
  const weights = new PartWeights(draft, head, 'head');
  const normed = stream.normed(weights.vector('norm'), 'head.normed');
  const rows = draft.add('Gather', [normed, valueNames.logitsRows], ['logits_hidden'], { axis: attribute.int(1) });
  weights.multiply(rows, 'matrix', valueNames.logits);
}
