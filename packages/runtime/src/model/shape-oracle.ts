import { CutpointError, messageOf, type NamedTensors, valuesOf } from '@cutpoint/core';
import { computedValues, exposeShapes, exposeValues, type ShapeTable, type ValueType } from '@cutpoint/graph';
import { loadSegment } from '../segment/load-segment.js';
import type { OutputSpec } from '../segment/segment.js';
import { type AssumedDim, type ConcreteInput, concreteInputs, type Dims, inputSpecs } from './input-types.js';
import type { ModelFile } from './model-file.js';
import { randomInputs } from './random-inputs.js';
import { sourceOf } from './segment-source.js';
import { readCachedShapes, shapeCacheKey, writeCachedShapes } from './shape-cache.js';

/** The types of a model's values, and the dimensions that had to be assumed for them. */
export interface MeasuredShapes {
  readonly shapes: ShapeTable;
  readonly assumed: readonly AssumedDim[];
}

export interface ShapeOptions {
  readonly dims?: Dims;
  readonly signal?: AbortSignal;
}

/** At most this many values are exposed in one session: the runtime's planning grows with the number of outputs. */
const valuesPerBatch = 1000;

/**
 * Measures element types and shapes of all values of a model by running it once on random inputs; nothing is inferred
 * by hand. Cached on disk by the model's hash and its input sizes.
 * @throws CutpointError CUT_SHAPES if the model does not run with these sizes.
 */
export async function measureShapes(file: ModelFile, options: ShapeOptions = {}): Promise<MeasuredShapes> {
  const { inputs, assumed } = concreteInputs(inputSpecs(file.graph), options.dims ?? new Map());
  const key = shapeCacheKey(file.hash, inputs);
  const cached = await readCachedShapes(key);
  if (cached !== undefined) return { shapes: cached, assumed };
  const shapes = await runForShapes(file, inputs, assumed, options.signal);
  await writeCachedShapes(key, shapes);
  return { shapes, assumed };
}

async function runForShapes(
  file: ModelFile,
  inputs: readonly ConcreteInput[],
  assumed: readonly AssumedDim[],
  signal: AbortSignal | undefined,
): Promise<ShapeTable> {
  const table = new Map<string, ValueType>();
  for (const { name, dtype, shape, declared } of inputs) table.set(name, { kind: 'tensor', dtype, shape, declared });
  const feeds = randomInputs(inputs);
  const names = computedValues(file.graph);
  for (let start = 0; start < names.length; start += valuesPerBatch) {
    const batch = names.slice(start, start + valuesPerBatch);
    const types = await typesOf(file, batch, signal);
    const tensors = batch.filter((name) => types.get(name)?.dtype != null);
    const shapes = await shapesOf(file, tensors, feeds, assumed, signal);
    for (const name of batch) table.set(name, valueType(types.get(name), shapes.get(name), inputs));
  }
  return table;
}

/** Element types, from the metadata of a session with the values as outputs; it never runs. */
async function typesOf(file: ModelFile, names: readonly string[], signal: AbortSignal | undefined) {
  const source = sourceOf(exposeValues(file.model, names), file);
  await using session = await loadSegment(source, { optimisation: 'none', ...(signal && { signal }) });
  return new Map<string, OutputSpec>(session.outputs.map((output) => [output.name, output]));
}

async function shapesOf(
  file: ModelFile,
  names: readonly string[],
  feeds: NamedTensors,
  assumed: readonly AssumedDim[],
  signal: AbortSignal | undefined,
): Promise<Map<string, number[]>> {
  const exposed = exposeShapes(file.model, names);
  const source = sourceOf(exposed.model, file);
  await using session = await loadSegment(source, { optimisation: 'none', ...(signal && { signal }) });
  // A session has only the inputs that its outputs need.
  const needed = new Map(session.inputs.flatMap(({ name }) => [...feeds].filter(([feed]) => feed === name)));
  try {
    const { outputs } = await session.run(needed, signal && { signal });
    return new Map(
      names.map((name) => {
        const shape = outputs.get(exposed.outputs.get(name) ?? '');
        return [name, shape === undefined ? [] : Array.from(valuesOf(shape), Number)];
      }),
    );
  } catch (cause) {
    if (cause instanceof CutpointError && cause.code !== 'CUT_RUN') throw cause;
    throw new CutpointError(
      'CUT_SHAPES',
      `${file.name} does not run on random inputs${hint(assumed)}: ${messageOf(cause)}`,
      {
        cause,
      },
    );
  }
}

function hint(assumed: readonly AssumedDim[]): string {
  if (assumed.length === 0) return '';
  const list = assumed.map(({ name, size }) => `${name}=${size}`).join(', ');
  return ` with the assumed sizes ${list} (set others with --dim name=value)`;
}

/** A dimension is declared fixed only where the runtime inferred the size that was measured. */
function valueType(
  spec: OutputSpec | undefined,
  shape: readonly number[] | undefined,
  inputs: readonly ConcreteInput[],
): ValueType {
  if (spec === undefined || spec.dtype === null || shape === undefined) {
    return { kind: 'other', what: spec?.dtype === null ? `a ${spec.kind}` : 'unknown' };
  }
  const names = new Set(inputs.flatMap((input) => input.declared));
  const sameRank = spec.shape.length === shape.length;
  const declared = shape.map((size, axis) => {
    const dim = sameRank ? (spec.shape[axis] ?? null) : null;
    if (typeof dim === 'number') return dim === size ? size : null;
    return dim !== null && names.has(dim) ? dim : null;
  });
  return { kind: 'tensor', dtype: spec.dtype, shape, declared };
}
