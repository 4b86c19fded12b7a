import type { CancelSignal } from '@cutpoint/core';
import type { DecoderConfig } from '../architecture/decoder-config.js';
import type { Checkpoint, CheckpointTensor, LayerTensors } from '../checkpoint/checkpoint.js';
import { readFloats } from '../checkpoint/decode-rows.js';
import { type LayerMatrixName, layerMatrixNames } from '../package/package-manifest.js';
import type { BlockForm } from './block-form.js';
import { type CalibrationText, calibrationWindows } from './calibration-text.js';
import { findScales } from './channel-scales.js';
import { InputStatistics } from './input-statistics.js';
import { layerPasses } from './layer-passes.js';
import { OutputError } from './output-error.js';
import { type LayerScales, ofQueryHeads, ofValueHeads } from './scaled-tensors.js';

/** What calibration found out about one matrix. */
export interface ColumnWeights {
  /** Factors of its columns. */
  readonly scales: Float32Array;
  /** The mean of the square of what is multiplied with each scaled column: how much its errors count. */
  readonly importance: Float32Array;
}

export interface CalibratedWeights {
  /** Undefined where a layer is not rounded. */
  readonly layers: readonly (Readonly<Record<LayerMatrixName, ColumnWeights>> | undefined)[];
  readonly head: ColumnWeights | undefined;
}

export interface WeightCalibration {
  readonly checkpoint: Checkpoint;
  readonly text: CalibrationText;
  /** How the matrices of each layer will be rounded; undefined where they are not. */
  readonly layerForms: readonly (BlockForm | undefined)[];
  readonly headForm: BlockForm | undefined;
  /** Where weights of one layer lie meanwhile. */
  readonly folder: string;
  readonly threads: number;
  readonly signal?: CancelSignal | undefined;
  readonly onLayer?: ((done: number, layers: number) => void) | undefined;
}

/** Rows of inputs that stand for all. */
const sampleRows = 512;

/**
 * Runs a text through a decoder in floats, layer by layer, and finds the factors with which each layer's matrices are best
 * rounded. Memory: one window through a layer, the text's hidden states twice, and some rows of a matrix.
 * @throws CutpointError CUT_TOKENIZER, CUT_INPUT, CUT_CHECKPOINT, CUT_LOAD, CUT_RUN, CUT_CANCELLED
 */
export async function calibrateWeights(calibration: WeightCalibration): Promise<CalibratedWeights> {
  const { checkpoint, layerForms, headForm, onLayer } = calibration;
  const { config, tensors } = checkpoint;
  await using errors = await OutputError.open(calibration.threads);
  const windows = calibrationWindows(checkpoint, calibration.text);
  const totalRows = windows.reduce((sum, { length }) => sum + length, 0);
  const layers: CalibratedWeights['layers'][number][] = [];
  let statistics = emptyStatistics(config, totalRows);
  const passes = layerPasses({
    ...calibration,
    windows,
    onInputs: (matrix, rows) => statistics[matrix].add(rows),
  });
  let last: readonly Float32Array[] = [];
  for await (const { layer, behind } of passes) {
    const form = layerForms[layer];
    const own = tensors.layers[layer];
    layers.push(form && own && (await columnWeights(own, form, statistics, config, errors)));
    statistics = emptyStatistics(config, totalRows);
    last = behind;
    onLayer?.(layer + 1, config.layers);
  }
  const head = headForm && (await headWeights(checkpoint, headForm, last, totalRows, errors));
  return { layers, head };
}

type Statistics = Readonly<Record<LayerMatrixName, InputStatistics>>;

function emptyStatistics({ hiddenSize, heads, headSize, ffnSize }: DecoderConfig, totalRows: number): Statistics {
  const of = (columns: number) => new InputStatistics(columns, totalRows, sampleRows);
  return { qkv: of(hiddenSize), out: of(heads * headSize), gateUp: of(hiddenSize), down: of(ffnSize) };
}

async function columnWeights(
  layer: LayerTensors,
  form: BlockForm,
  statistics: Statistics,
  config: DecoderConfig,
  errors: OutputError,
): Promise<Record<LayerMatrixName, ColumnWeights>> {
  const { query, key, value, out, gate, up, down } = layer;
  const tensors = { qkv: [query, key, value], out: [out], gateUp: [gate, up], down: [down] };
  const found: Partial<Record<LayerMatrixName, ColumnWeights>> = {};
  for (const matrix of layerMatrixNames) {
    const inputs = statistics[matrix];
    const means = inputs.meanSizes;
    // Query heads that share a value head can only be scaled alike.
    const sizes = matrix === 'out' ? ofQueryHeads(ofValueHeads(means, config), config) : means;
    const own = tensors[matrix].filter((tensor): tensor is CheckpointTensor => tensor !== undefined);
    found[matrix] = weightsOf(inputs, await findScales({ tensors: own, form, inputs, sizes }, errors));
  }
  return found as Record<LayerMatrixName, ColumnWeights>;
}

function weightsOf(inputs: InputStatistics, scales: Float32Array): ColumnWeights {
  const squares = inputs.meanSquares;
  return { scales, importance: squares.map((square, i) => square / (scales[i] ?? 1) ** 2) };
}

async function headWeights(
  { config, tensors }: Checkpoint,
  form: BlockForm,
  hidden: readonly Float32Array[],
  totalRows: number,
  errors: OutputError,
): Promise<ColumnWeights> {
  const inputs = new InputStatistics(config.hiddenSize, totalRows, sampleRows);
  const gamma = await readFloats(tensors.norm, 0, 1);
  for (const rows of hidden) inputs.add(normed(rows, gamma, config.normEpsilon));
  const sizes = inputs.meanSizes;
  return weightsOf(inputs, await findScales({ tensors: [tensors.matrix], form, inputs, sizes }, errors));
}

/** Rows over the root of their mean square, times gamma (Zhang and Sennrich, Root Mean Square Layer Normalization, 2019). */
function normed(rows: Float32Array, gamma: Float32Array, epsilon: number): Float32Array {
  const size = gamma.length;
  const result = new Float32Array(rows.length);
  for (let from = 0; from < rows.length; from += size) {
    let squares = 0;
    for (let i = from; i < from + size; i++) squares += (rows[i] ?? 0) ** 2;
    const scale = 1 / Math.sqrt(squares / size + epsilon);
    for (let i = 0; i < size; i++) result[from + i] = (rows[from + i] ?? 0) * scale * (gamma[i] ?? 0);
  }
  return result;
}

/** The factors alone. */
export function scalesOf(weights: Readonly<Record<LayerMatrixName, ColumnWeights>>): LayerScales {
  const { qkv, out, gateUp, down } = weights;
  return { qkv: qkv.scales, out: out.scales, gateUp: gateUp.scales, down: down.scales };
}

/** How much errors in each column count, by matrix. */
export function importanceOf(
  weights: Readonly<Record<LayerMatrixName, ColumnWeights>>,
): Readonly<Record<LayerMatrixName, Float32Array>> {
  const { qkv, out, gateUp, down } = weights;
  return { qkv: qkv.importance, out: out.importance, gateUp: gateUp.importance, down: down.importance };
}
