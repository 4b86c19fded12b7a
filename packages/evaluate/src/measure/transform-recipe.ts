import { createHash } from 'node:crypto';
import {
  calibrateTransform,
  type Geometry,
  printTransformTable,
  type TransformTable,
  transformTableName,
} from '@cutpoint/codec';
import { CutpointError, type DType, f32Values } from '@cutpoint/core';
import type { CutModel } from '@cutpoint/runtime';
import { loadStage, splitOf } from '@cutpoint/runtime';
import type { Sample } from '../data/data-set.js';
import type { PixelInput } from './model-input.js';
import type { RunnerOptions } from './run-cut.js';

/** A transform whose table is yet to be made: `transform:step=0.3`. */
export interface TransformRecipe {
  /** Width of a quantisation step over the root mean square of the activations, their means taken away. */
  readonly step: number;
}

/** Activations that are kept to make tables of; more samples than fit are not read. */
const mostActivationBytes = 256_000_000;

/** The recipe in a spec, or undefined if it is one of another codec or of a table that is there. @throws CutpointError CUT_USAGE */
export function parseRecipe(spec: string): TransformRecipe | undefined {
  const [, text] = /^transform:step=(.*)$/.exec(spec) ?? [];
  if (text === undefined) return undefined;
  const step = /^\d{0,4}\.?\d{1,6}$/.test(text) ? Number(text) : 0;
  if (step >= 0.001 && step <= 100) return { step };
  throw new CutpointError(
    'CUT_USAGE',
    `"${spec.slice(0, 80)}" needs a step from 0.001 to 100, such as transform:step=0.3.`,
  );
}

/** What a transform could code at a cut: the one tensor of f32 that crosses. Undefined where there is none, or several. */
export function transformable(
  tensors: readonly { readonly name: string; readonly dtype: DType; readonly shape: readonly number[] }[],
) {
  const [tensor, ...more] = tensors;
  if (tensor?.dtype !== 'f32' || more.length > 0) return undefined;
  const geometry = geometryOf(tensor.shape);
  return geometry === undefined ? undefined : { tensor: tensor.name, geometry };
}

function geometryOf(shape: readonly number[]): Geometry | undefined {
  const [batch, channels = 0, height = 0, width = 0] = shape;
  if (shape.length === 4) return batch === 1 ? { kind: 'map', channels, height, width } : undefined;
  const features = shape.at(-1) ?? 0;
  return features > 0 ? { kind: 'sequence', channels: features } : undefined;
}

/** The activations of a tensor at a cut, as many as may be kept. @throws CutpointError what running segments throws. */
export async function activationsOf(
  model: CutModel,
  at: number,
  tensor: string,
  { inputs }: PixelInput,
  samples: AsyncIterable<Sample>,
  { threads = 1, signal, onSample }: RunnerOptions & { readonly onSample?: ((done: number) => void) | undefined },
): Promise<Float32Array[]> {
  const [plan] = splitOf(model, [at]).segments;
  if (plan === undefined) throw new RangeError(`there is no segment before cut ${at}`);
  const options = signal === undefined ? {} : { signal };
  await using front = await loadStage(plan, { threads, ...options });
  const activations: Float32Array[] = [];
  let bytes = 0;
  for await (const { pixels } of samples) {
    const found = (await front.run(inputs(pixels), options)).sends.get(tensor);
    if (found === undefined) throw new CutpointError('CUT_INTERNAL', `"${tensor}" does not cross cut ${at}.`);
    if (bytes + found.data.byteLength > mostActivationBytes) break;
    bytes += found.data.byteLength;
    activations.push(f32Values(found));
    onSample?.(activations.length);
  }
  if (activations.length > 0) return activations;
  const message = `There is no sample to make the table of "${tensor}" with: every fourth row of a data set calibrates.`;
  throw new CutpointError('CUT_DATASET', message);
}

/** Makes the table of a cut, and its name. */
export function tableOfRecipe(
  { step }: TransformRecipe,
  activations: readonly Float32Array[],
  place: { readonly modelHash: string; readonly cut: number; readonly tensor: string; readonly geometry: Geometry },
): { readonly name: string; readonly table: TransformTable } {
  const table = calibrateTransform(() => activations, { ...place, relativeStep: step });
  const label = `${place.modelHash.slice(0, 8)}-cut${place.cut}-step${step}`;
  const sha256 = createHash('sha256').update(printTransformTable(table)).digest('hex');
  return { name: transformTableName(label, sha256), table };
}
