import { CutpointError, describeType, halfToNumber, type NamedTensors, type Tensor, valuesOf } from '@cutpoint/core';

/** Outputs of a model as rows of scores, one score for each class. */
export interface Scores {
  readonly classes: number;
  readonly values: Float64Array;
}

/** How alike two answers to one sample are. */
export interface Likeness {
  /** Share of the rows whose best class is the same. */
  readonly agreement: number;
  /** Kullback-Leibler divergence of the second's probabilities from the first's, in nats; the mean of the rows. */
  readonly divergence: number;
}

/** Probabilities below this count as this, so that one lost class costs much but not everything. */
const leastProbability = 1e-12;
/** Rows that add up to 1 within this, with nothing below 0, are probabilities already. */
const sumTolerance = 1e-3;

/**
 * The scores in the outputs of a model: each output of a float type is taken as rows over its classes, which are the
 * second dimension of maps ([1, classes, height, width]) and the last one of all others, dimensions of 1 left aside.
 * @throws CutpointError CUT_DATASET if no output has classes to choose from.
 */
export function scoresOf(outputs: NamedTensors): readonly Scores[] {
  const scores = Array.from(outputs.values()).flatMap((tensor) => {
    const found = scoresIn(tensor);
    return found === undefined ? [] : [found];
  });
  if (scores.length > 0) return scores;
  const types = Array.from(outputs.values(), ({ dtype, shape }) => describeType(dtype, shape)).join(', ');
  throw new CutpointError(
    'CUT_DATASET',
    `Accuracy needs an output with a score for each class, and these are ${types}.`,
  );
}

/** The class of a model that gives one row of scores. @throws CutpointError CUT_DATASET if it gives more. */
export function classOf([first, ...more]: readonly Scores[]): number {
  if (first === undefined || more.length > 0 || first.values.length !== first.classes) {
    throw new CutpointError('CUT_DATASET', 'Labels need a model with one output of one row of scores; leave them out.');
  }
  return best(first.values);
}

/** Compares the answers of the whole model and of another way to run it. */
export function compare(whole: readonly Scores[], other: readonly Scores[]): Likeness {
  let rows = 0;
  let same = 0;
  let divergence = 0;
  for (const [i, { classes, values }] of whole.entries()) {
    const others = other[i]?.values;
    if (others?.length !== values.length) throw new CutpointError('CUT_INTERNAL', 'Split and whole differ in shape.');
    for (let at = 0; at < values.length; at += classes) {
      const a = values.subarray(at, at + classes);
      const b = others.subarray(at, at + classes);
      rows += 1;
      if (best(a) === best(b)) same += 1;
      divergence += divergenceOf(a, b);
    }
  }
  return { agreement: same / rows, divergence: divergence / rows };
}

function scoresIn(tensor: Tensor): Scores | undefined {
  const { dtype, shape } = tensor;
  if (dtype !== 'f32' && dtype !== 'f16' && dtype !== 'f64') return undefined;
  const stored = valuesOf(tensor);
  const values = Float64Array.from(stored as ArrayLike<number>, dtype === 'f16' ? halfToNumber : Number);
  const sizes = shape.filter((size) => size !== 1);
  const isMap = shape.length === 4 && sizes.length > 1;
  const classes = isMap ? (shape[1] ?? 1) : (sizes.at(-1) ?? 1);
  if (classes < 2 || values.length === 0) return undefined;
  return { classes, values: isMap ? lastAxisFirst(values, classes, shape[0] ?? 1) : values };
}

/** Maps lie class by class; rows lie place by place. */
function lastAxisFirst(values: Float64Array, classes: number, batch: number): Float64Array {
  const places = values.length / classes / batch;
  const rows = new Float64Array(values.length);
  for (let n = 0; n < batch; n++) {
    const start = n * classes * places;
    for (let c = 0; c < classes; c++) {
      for (let i = 0; i < places; i++) rows[start + i * classes + c] = values[start + c * places + i] ?? 0;
    }
  }
  return rows;
}

/** The first of the best; -1 if there is none, as where all is NaN. */
function best(values: Float64Array): number {
  let at = -1;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? Number.NaN;
    if (!Number.isNaN(value) && (at < 0 || value > (values[at] ?? Number.NaN))) at = i;
  }
  return at;
}

function divergenceOf(a: Float64Array, b: Float64Array): number {
  const asTheyAre = areProbabilities(a);
  const p = asTheyAre ? a : softmax(a);
  const q = asTheyAre ? b : softmax(b);
  let sum = 0;
  for (let i = 0; i < p.length; i++) {
    const share = p[i] ?? 0;
    if (share > 0) sum += share * Math.log(share / atLeast(q[i]));
  }
  return Math.max(0, sum);
}

/** NaN is no probability either. */
function atLeast(probability = 0): number {
  return probability > leastProbability ? probability : leastProbability;
}

function areProbabilities(values: Float64Array): boolean {
  let sum = 0;
  for (const value of values) {
    if (!(value >= 0)) return false;
    sum += value;
  }
  return Math.abs(sum - 1) <= sumTolerance;
}

function softmax(values: Float64Array): Float64Array {
  const most = values.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = values.map((value) => Math.exp(value - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}
