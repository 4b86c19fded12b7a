import { CutpointError } from '@cutpoint/core';
import { attribute, type Model, tensorValue } from '@cutpoint/graph';
import type { DecoderConfig } from '../architecture/decoder-config.js';
import {
  type LayerMatrixName,
  type LayerWeightName,
  layerMatrixNames,
  type PackageManifest,
} from '../package/package-manifest.js';
import {
  type AttentionPart,
  addAttention,
  addAttentionSizes,
  declareAttention,
  declarePosition,
} from './attention-nodes.js';
import type { CacheKind } from './cache-kind.js';
import { addFfn, addFfnSizes } from './ffn-nodes.js';
import { valueNames } from './names.js';
import type { LayerRange } from './range.js';
import { ResidualStream } from './residual-stream.js';
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
  const attention = { config, cache, runs: [{ heads: config.heads, kvHeads: config.kvHeads }] };
  declareValues(draft, attention, range);
  if (matrixInputs) declareMatrixInputs(draft, config, range);
  addAttentionSizes(draft, attention);
  addFfnSizes(draft, config.ffnSize);
  const stream = new ResidualStream(draft, config, valueNames.hidden);
  for (let layer = range.from; layer < range.to; layer++) {
    const part = manifest.layers[layer];
    if (part === undefined) throw new CutpointError('CUT_PACKAGE', `The manifest lacks the layer ${layer}.`);
    addLayer(draft, stream, new PartWeights(draft, part, `layer.${layer}`), attention, layer);
  }
  if (range.head) addHead(draft, stream, new PartWeights(draft, manifest.head, 'head'));
  else stream.leave(valueNames.hiddenOut);
  return draft.build();
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
  attention: Omit<AttentionPart, 'layer'>,
  { from, to, head }: LayerRange,
): void {
  const { config } = attention;
  const { hiddenSize, vocabularySize } = config;
  draft.inputs.push(tensorValue(valueNames.hidden, 'f32', [1, 'tokens', hiddenSize]));
  if (from < to) declarePosition(draft, config, ropesOf(config, { from, to, head }));
  for (let layer = from; layer < to; layer++) declareAttention(draft, { ...attention, layer });
  if (head) declareHead(draft, vocabularySize);
  else draft.outputs.push(tensorValue(valueNames.hiddenOut, 'f32', [1, 'tokens', hiddenSize]));
}

/** @param vocabulary tokens of which there are logits. */
export function declareHead(draft: GraphDraft, vocabulary: number): void {
  draft.inputs.push(tensorValue(valueNames.logitsRows, 'i64', ['rows']));
  draft.outputs.push(tensorValue(valueNames.logits, 'f32', [1, 'rows', vocabulary]));
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

function addLayer(
  draft: GraphDraft,
  stream: ResidualStream,
  weights: PartWeights<LayerWeightName>,
  attention: Omit<AttentionPart, 'layer'>,
  layer: number,
): void {
  const { config } = attention;
  const prefix = `layer.${layer}`;
  const gamma = (name: LayerWeightName) => weights.vector(name);
  const behind = (value: string, name: LayerWeightName) =>
    config.postNorms ? stream.norm(value, gamma(name), `${value}.normed`) : value;

  const into = (name: LayerMatrixName) => valueNames.matrixInput(layer, name);

  const first = stream.normed(gamma('attentionNorm'), into('qkv'));
  const heads = addAttention(draft, weights, { ...attention, layer }, first, into('out'));
  const out = weights.multiply(heads, 'out', `${prefix}.out`, 'outBias');
  stream.add(behind(out, 'postAttentionNorm'));

  const normed = stream.normed(gamma('ffnNorm'), into('gateUp'));
  const down = addFfn(draft, weights, config, normed, { prefix, inner: into('down'), output: `${prefix}.down` });
  stream.add(behind(down, 'postFfnNorm'));
}

/** @param weights the last norm, and all of the vocabulary's matrix or some rows of it. */
export function addHead(draft: GraphDraft, stream: ResidualStream, weights: PartWeights<'norm' | 'matrix'>): void {
  const normed = stream.normed(weights.vector('norm'), 'head.normed');
  const rows = draft.add('Gather', [normed, valueNames.logitsRows], ['logits_hidden'], { axis: attribute.int(1) });
  weights.multiply(rows, 'matrix', valueNames.logits);
}
