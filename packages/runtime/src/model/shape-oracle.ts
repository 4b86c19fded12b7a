import { CutpointError, messageOf, type NamedTensors, valuesOf } from '@cutpoint/core';
import { computedValues, exposeShapes, exposeValues, type ShapeTable, type ValueType } from '@cutpoint/graph';
import { loadSegment } from '../segment/load-segment.js';
import type { OutputSpec, SegmentOptions } from '../segment/segment.js';
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
  /** In a process, a model that does not end ends with the signal; in a thread, only the waiting for it. Default: thread. */
  readonly isolation?: SegmentOptions['isolation'];
}

/** How sessions are run that measure. */
type Running = Pick<ShapeOptions, 'signal' | 'isolation'>;

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
  const shapes = await runForShapes(file, inputs, assumed, options);
  await writeCachedShapes(key, shapes);
  return { shapes, assumed };
}

async function runForShapes(
  file: ModelFile,
  inputs: readonly ConcreteInput[],
  assumed: readonly AssumedDim[],
  running: Running,
): Promise<ShapeTable> {
  const table = new Map<string, ValueType>();
  for (const { name, dtype, shape, declared } of inputs) table.set(name, { kind: 'tensor', dtype, shape, declared });
  const feeds = randomInputs(inputs);
  const names = computedValues(file.graph);
  const types = await typesOf(file, names, running);
  const tensors = names.filter((name) => types.get(name)?.dtype != null);
  const shapes = await shapesOf(file, tensors, feeds, assumed, running);
  for (const name of names) table.set(name, valueType(types.get(name), shapes.get(name), inputs));
  return table;
}

/**
 * Element types, from the metadata of a session with the values as outputs; it never runs. The runtime refuses a session
 * with an output that it cannot hand out (bf16, 8-bit floats): halving finds which those are, and they are left out.
 */
async function typesOf(file: ModelFile, names: readonly string[], running: Running): Promise<Map<string, OutputSpec>> {
  if (names.length === 0) return new Map();
  try {
    const source = sourceOf(exposeValues(file.model, names), file);
    await using session = await loadSegment(source, sessionOptions(running));
    return new Map(session.outputs.map((output) => [output.name, output]));
  } catch (thrown) {
    if (!(thrown instanceof CutpointError) || thrown.code !== 'CUT_UNSUPPORTED_TYPE') throw thrown;
    if (names.length === 1) return new Map();
    const middle = Math.ceil(names.length / 2);
    const first = await typesOf(file, names.slice(0, middle), running);
    const second = await typesOf(file, names.slice(middle), running);
    return new Map([...first, ...second]);
  }
}

async function shapesOf(
  file: ModelFile,
  names: readonly string[],
  feeds: NamedTensors,
  assumed: readonly AssumedDim[],
  running: Running,
): Promise<Map<string, number[]>> {
  const exposed = exposeShapes(file.model, names);
  const source = sourceOf(exposed.model, file);
  await using session = await loadSegment(source, sessionOptions(running));
  // A session has only the inputs that its outputs need.
  const needed = new Map(session.inputs.flatMap(({ name }) => [...feeds].filter(([feed]) => feed === name)));
  try {
    const { signal } = running;
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

function sessionOptions({ signal, isolation }: Running): SegmentOptions {
  return { optimisation: 'none', ...(signal && { signal }), ...(isolation && { isolation }) };
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
    return {
      kind: 'other',
      what: spec?.dtype === null ? `a ${spec.kind}` : 'of a type that the runtime cannot hand out',
    };
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
