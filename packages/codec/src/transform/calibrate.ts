import { CutpointError } from '@cutpoint/core';
import { frequenciesOf, StaticTable } from '../entropy/table.js';
import { plainBits, symbolCount, symbolOf, visit } from './coefficients.js';
import { Contexts, classCount, featureCount, mostWeight, sizeOfClass } from './contexts.js';
import { eigenvectorsOf } from './eigen.js';
import { nonNegativeFit } from './non-negative.js';
import { quantise } from './quantise.js';
import { type Extent, type Geometry, mostFrequencies, mostRotated, type TransformTable } from './table.js';
import { forward, transformOf } from './transform.js';

export interface CalibrationOptions {
  readonly modelHash: string;
  readonly cut: number;
  readonly tensor: string;
  readonly geometry: Geometry;
  /** Step of quantisation as a part of the root mean square of the activations, their means taken away. */
  readonly relativeStep: number;
  /** Rotate channels to their principal components. Default true up to 1024 channels; slow beyond 500. */
  readonly rotate?: boolean;
  /** Turn maps into frequencies by a cosine transform. Default true up to 256 a side; sequences have none. */
  readonly frequencies?: boolean;
}

/** One activation tensor, [channels][positions], of a batch of one. */
export type Sample = Float32Array | Float64Array;

const groupCount = 8;

/**
 * Measures what the transform codec has to know of a cut. Samples are asked for five times, in the same order, and none
 * is kept. @throws CutpointError CUT_CODEC if there are none, or they do not fit the geometry or are not finite.
 */
export function calibrateTransform(samples: () => Iterable<Sample>, options: CalibrationOptions): TransformTable {
  const basis = basisOf(samples, options);
  const { geometry, modelHash, cut, tensor, relativeStep } = options;
  const { rms, ...shape } = basis;
  const transform = transformOf(shape);
  const step = Math.fround(relativeStep * rms);
  function* quantised(): Iterable<{ values: Int32Array; extent: Extent }> {
    for (const sample of samples()) {
      const extent = extentOfSample(geometry, sample);
      yield { values: quantise(forward(transform, new Float64Array(sample), extent), step), extent };
    }
  }
  const groups = Uint8Array.from({ length: geometry.channels }, (_, k) =>
    Math.floor(groupCount * (k / geometry.channels) ** (2 / 3)),
  );
  const bare: TransformTable = {
    modelHash,
    cut,
    tensor,
    geometry,
    step,
    ...shape,
    magnitudes: magnitudesOf(quantised(), geometry),
    groups,
    weights: new Uint16Array(groupCount * featureCount),
    classes: [],
  };
  const first = { ...bare, weights: weightsOf(quantised(), bare) };
  const weighted = { ...bare, weights: weightsOf(quantised(), first) };
  return { ...weighted, classes: classesOf(quantised(), weighted) };
}

function extentOfSample(geometry: Geometry, sample: Sample): Extent {
  const { channels } = geometry;
  const positions = sample.length / channels;
  const fits = geometry.kind === 'map' ? positions === geometry.height * geometry.width : Number.isInteger(positions);
  if (!fits || !sample.every(Number.isFinite)) {
    throw new CutpointError('CUT_CODEC', 'An activation to calibrate with has another shape, or is not finite.');
  }
  return geometry.kind === 'map'
    ? { samples: 1, channels, height: geometry.height, width: geometry.width }
    : { samples: 1, channels, height: 1, width: positions };
}

/** Means, principal components and scale. */
function basisOf(samples: () => Iterable<Sample>, options: CalibrationOptions) {
  const { geometry } = options;
  const { channels } = geometry;
  const rotate = (options.rotate ?? true) && channels <= mostRotated;
  const { mean, covariance } = momentsOf(samples(), geometry, rotate);
  let trace = 0;
  for (let c = 0; c < channels; c++) trace += Math.max(0, covariance[rotate ? c * (channels + 1) : c] ?? 0);
  const rms = Math.sqrt(trace / channels);
  if (rms === 0) throw new CutpointError('CUT_CODEC', 'The activations to calibrate with are constant.');
  const spatial = (options.frequencies ?? true) ? spatialOf(geometry) : undefined;
  return {
    mean: Float32Array.from(mean),
    rms,
    ...(rotate ? { rotation: Float32Array.from(eigenvectorsOf(covariance, channels)) } : {}),
    ...(spatial === undefined ? {} : { spatial }),
  };
}

/** Means of the channels and their covariance, or, unless `whole`, their variances alone. */
function momentsOf(samples: Iterable<Sample>, geometry: Geometry, whole: boolean) {
  const { channels } = geometry;
  const sums = new Float64Array(channels);
  const products = new Float64Array(whole ? channels * channels : channels);
  let count = 0;
  for (const sample of samples) {
    const { height, width } = extentOfSample(geometry, sample);
    const positions = height * width;
    count += positions;
    for (let c = 0; c < channels; c++) {
      const row = sample.subarray(c * positions, (c + 1) * positions);
      for (let p = 0; p < positions; p++) sums[c] = (sums[c] as number) + (row[p] as number);
      for (let d = whole ? 0 : c; d <= c; d++) {
        const from = d * positions;
        let sum = 0;
        for (let p = 0; p < positions; p++) sum += (row[p] as number) * (sample[from + p] as number);
        const to = whole ? c * channels + d : c;
        products[to] = (products[to] as number) + sum;
      }
    }
  }
  if (count === 0) throw new CutpointError('CUT_CODEC', 'There are no activations to calibrate with.');
  const mean = sums.map((sum) => sum / count);
  const covariance = new Float64Array(products.length);
  for (let c = 0; c < channels; c++) {
    for (let d = whole ? 0 : c; d <= c; d++) {
      const from = whole ? c * channels + d : c;
      const own = (products[from] as number) / count - (mean[c] as number) * (mean[d] as number);
      covariance[from] = own;
      if (whole) covariance[d * channels + c] = own;
    }
  }
  return { mean, covariance };
}

function spatialOf(geometry: Geometry): TransformTable['spatial'] {
  if (geometry.kind === 'sequence' || geometry.height * geometry.width === 1) return undefined;
  if (Math.max(geometry.height, geometry.width) > mostFrequencies) return undefined;
  return { vertical: cosines(geometry.height), horizontal: cosines(geometry.width) };
}

/** The orthonormal cosine transform (DCT-II), frequency by position. */
function cosines(size: number): Float32Array {
  return Float32Array.from({ length: size * size }, (_, i) => {
    const frequency = Math.floor(i / size);
    const angle = (Math.PI * ((i % size) + 0.5) * frequency) / size;
    return Math.sqrt((frequency === 0 ? 1 : 2) / size) * Math.cos(angle);
  });
}

/** Samples' worth of trust in that sizes factor into one of the component and one of the frequency. */
const priorSamples = 6;

/** Mean sizes of the coefficients, in 1/4096 steps; those seldom other than zero are estimated from their like. */
function magnitudesOf(quantised: Iterable<{ values: Int32Array }>, geometry: Geometry): Uint32Array {
  const { channels } = geometry;
  const places = geometry.kind === 'map' ? geometry.height * geometry.width : 1;
  const sums = new Float64Array(channels * places);
  let count = 0;
  for (const { values } of quantised) {
    const positions = values.length / channels;
    count += positions / places;
    for (let i = 0; i < values.length; i++) {
      const to = places === 1 ? Math.floor(i / positions) : i;
      sums[to] = (sums[to] ?? 0) + Math.abs(values[i] ?? 0);
    }
  }
  const component = new Float64Array(channels);
  for (let i = 0; i < sums.length; i++) {
    const k = Math.floor(i / places);
    component[k] = (component[k] ?? 1e-4) + (sums[i] ?? 0) / count / places;
  }
  const place = new Float64Array(places);
  for (let i = 0; i < sums.length; i++) {
    place[i % places] =
      (place[i % places] ?? 0) + (sums[i] ?? 0) / Math.sqrt((component[Math.floor(i / places)] ?? 0) + 1e-4);
  }
  const placeMean = place.reduce((sum, value) => sum + value, 0) / places || 1;
  return Uint32Array.from(sums, (sum, i) => {
    const prior = ((component[Math.floor(i / places)] ?? 0) * (place[i % places] ?? 0)) / placeMean;
    const mean = (sum + priorSamples * prior) / (count + priorSamples);
    return Math.min(2 ** 26, Math.max(1, Math.round(mean * 4096)));
  });
}

/** Weights of the features that foretell sizes best, by least squares of ratios under the weights of the table before. */
function weightsOf(quantised: Iterable<{ values: Int32Array; extent: Extent }>, table: TransformTable): Uint16Array {
  const n = featureCount;
  const squares = Array.from({ length: groupCount }, () => new Float64Array(n * n));
  const targets = Array.from({ length: groupCount }, () => new Float64Array(n));
  const trained = table.weights.some((weight) => weight > 0);
  const features = new Float64Array(n);
  for (const { values, extent } of quantised) {
    const contexts = new Contexts(table, extent);
    visit(contexts, extent, (index, place, component) => {
      const value = values[index] as number;
      const mean = contexts.magnitudeAt(index) / 4096;
      if (mean < 0.004) return value;
      contexts.features(place, features);
      const guess = trained ? contexts.foretell(place) / 65_536 : 1;
      const weight = Math.min(mean, 1) / Math.max(guess, 0.1) ** 2;
      const ratio = (Math.abs(value) / Math.max(mean, 0.02)) * 16;
      const group = table.groups[component] ?? 0;
      addOuter(squares[group] as Float64Array, targets[group] as Float64Array, features, ratio, weight);
      return value;
    });
  }
  const weights = new Uint16Array(groupCount * n);
  for (let group = 0; group < groupCount; group++) {
    const found = nonNegativeFit(squares[group] as Float64Array, targets[group] as Float64Array);
    const none = found.every((weight) => weight === 0);
    for (let f = 0; f < n; f++)
      weights[group * n + f] = none
        ? f === n - 1
          ? 4096
          : 0
        : Math.min(mostWeight, Math.round((found[f] ?? 0) * 4096));
  }
  return weights;
}

function addOuter(
  square: Float64Array,
  target: Float64Array,
  features: Float64Array,
  wanted: number,
  weight: number,
): void {
  const n = features.length;
  for (let f = 0; f < n; f++) {
    const own = (features[f] as number) * weight;
    if (own === 0) continue;
    target[f] = (target[f] as number) + own * wanted;
    for (let g = 0; g < n; g++) square[f * n + g] = (square[f * n + g] as number) + own * (features[g] as number);
  }
}

/** How many symbols the two-sided geometric distribution that each class starts from is worth. */
const priorSymbols = 8;

/** What was seen in each class, smoothed, so that every symbol can be coded in every class. */
function classesOf(quantised: Iterable<{ values: Int32Array; extent: Extent }>, table: TransformTable): StaticTable[] {
  const counts = Array.from({ length: classCount }, () => new Float64Array(symbolCount));
  for (const { values, extent } of quantised) {
    const contexts = new Contexts(table, extent);
    visit(contexts, extent, (index, place) => {
      const value = values[index] as number;
      const own = contexts.classOf(place, index);
      const symbol = symbolOf(value >> plainBits(own));
      const of = counts[own] as Float64Array;
      of[symbol] = (of[symbol] as number) + 1;
      return value;
    });
  }
  return counts.map((seen, index) => {
    const mean = sizeOfClass(index) / 2 ** plainBits(index);
    const decay = mean / (1 + mean);
    const prior = (symbol: number) =>
      (symbol === 0 ? 1 - decay : ((1 - decay) * decay ** ((symbol + 1) >> 1)) / 2) + 1e-6;
    const even = plainBits(index) === 0;
    return new StaticTable(
      frequenciesOf(
        seen.map((count, symbol) => {
          // Both signs of a size are equally likely, unless cells are wide.
          const twin = !even || symbol === 0 || symbol === symbolCount - 1 ? symbol : ((symbol - 1) ^ 1) + 1;
          return (count + (seen[twin] ?? 0)) / 2 + priorSymbols * prior(symbol);
        }),
      ),
    );
  });
}
