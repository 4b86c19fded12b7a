import {
  byteLength,
  CutpointError,
  type DType,
  describeType,
  type NamedTensors,
  type TensorSpec,
} from '@cutpoint/core';
import { dtypeOf, type Graph, type onnx } from '@cutpoint/graph';

/** Sizes for free dimensions by name: a dimension's own name, or `input.axis` for one without a name. */
export type Dims = ReadonlyMap<string, number>;

/** A free dimension that nobody set, and the size that was taken for it. */
export interface AssumedDim {
  readonly name: string;
  readonly size: number;
}

/** A model input with all dimensions known. */
export interface ConcreteInput {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** As declared in the model: null or a name where the dimension is free. */
  readonly declared: readonly (number | string | null)[];
}

/** What the model's inputs are declared as. @throws CutpointError CUT_UNSUPPORTED_TYPE for text or non-tensors. */
export function inputSpecs(graph: Graph): TensorSpec[] {
  return graph.inputs.map((info) => {
    const spec = declaredTensor(info);
    if (spec !== undefined) return spec;
    throw new CutpointError(
      'CUT_UNSUPPORTED_TYPE',
      `The model's input "${info.name}" is not a tensor of numbers or booleans, so it cannot be sent.`,
    );
  });
}

/** What the model's outputs are declared as, as far as they are tensors of numbers or booleans. */
export function outputSpecs(graph: Graph): TensorSpec[] {
  return graph.outputs.flatMap((info) => declaredTensor(info) ?? []);
}

function declaredTensor({ name, type: declared }: Graph['inputs'][number]): TensorSpec | undefined {
  const type = declared?.value;
  const dtype = type?.case === 'tensorType' ? dtypeOf(type.value.elemType) : undefined;
  if (type?.case !== 'tensorType' || dtype === undefined) return undefined;
  return { name, dtype, shape: (type.value.shape?.dim ?? []).map(declaredDim) };
}

function declaredDim(dim: onnx.TensorShapeProto_Dimension): number | string | null {
  if (dim.value.case === 'dimValue' && dim.value.value >= 0n) return Number(dim.value.value);
  if (dim.value.case === 'dimParam' && dim.value.value !== '') return dim.value.value;
  return null;
}

/**
 * Gives every free dimension of the inputs a size: the one in `dims`, else an assumed one (1 for the batch, 224 for
 * height and width, 16 for others), which is reported so that it can be shown.
 * @throws CutpointError CUT_USAGE if `dims` names a dimension the model does not have.
 */
export function concreteInputs(
  specs: readonly TensorSpec[],
  dims: Dims,
): { inputs: ConcreteInput[]; assumed: AssumedDim[] } {
  const assumed = new Map<string, number>();
  const free = new Set<string>();
  const inputs = specs.map((spec) => {
    const shape = spec.shape.map((dim, axis) => {
      if (typeof dim === 'number') return dim;
      const positional = `${spec.name}.${axis}`;
      const name = dim ?? positional;
      free.add(name);
      const set = dims.get(name) ?? dims.get(positional);
      if (set !== undefined) return set;
      const size = assumed.get(name) ?? assumedSize(axis, spec.shape);
      assumed.set(name, size);
      return size;
    });
    return { name: spec.name, dtype: spec.dtype, shape, declared: spec.shape };
  });
  checkNames(dims, free, specs);
  for (const input of inputs) checkSize(input);
  return { inputs, assumed: [...assumed].map(([name, size]) => ({ name, size })) };
}

/** Larger inputs than this are a mistake in a size, not a model. */
const maxInputBytes = 2 ** 32;

function checkSize({ name, dtype, shape }: ConcreteInput): void {
  if (byteLength(dtype, shape) <= maxInputBytes) return;
  const type = describeType(dtype, shape);
  throw new CutpointError(
    'CUT_INPUT',
    `The input "${name}" would be ${type}, more than 4 GB: set smaller sizes with --dim.`,
  );
}

/** Few channels at the end are those of pixels, with height and width before them. */
const mostChannels = 4;

function assumedSize(axis: number, shape: TensorSpec['shape']): number {
  if (axis === 0) return 1;
  const last = shape[3];
  const isPixels = typeof last === 'number' && last <= mostChannels;
  return shape.length === 4 && (isPixels || axis >= 2) ? 224 : 16;
}

function checkNames(dims: Dims, free: ReadonlySet<string>, specs: readonly TensorSpec[]): void {
  for (const name of dims.keys()) {
    const positional = specs.some((spec) =>
      spec.shape.some((dim, axis) => typeof dim !== 'number' && name === `${spec.name}.${axis}`),
    );
    if (free.has(name) || positional) continue;
    const known = free.size === 0 ? 'it has none' : `it has ${[...free].join(', ')}`;
    throw new CutpointError('CUT_USAGE', `The model has no free dimension "${name}": ${known}.`);
  }
}

/**
 * The sizes of free dimensions that given inputs have.
 * @throws CutpointError CUT_INPUT if an input is missing, unknown, or has another type or rank than the model declares.
 */
export function dimsOfInputs(specs: readonly TensorSpec[], given: NamedTensors): Dims {
  const unknown = [...given.keys()].find((name) => !specs.some((spec) => spec.name === name));
  if (unknown !== undefined) {
    const names = specs.map((spec) => `"${spec.name}"`).join(', ');
    throw new CutpointError('CUT_INPUT', `The model has no input "${unknown}": its inputs are ${names}.`);
  }
  const dims = new Map<string, number>();
  for (const spec of specs) {
    const tensor = given.get(spec.name);
    const fits = tensor?.dtype === spec.dtype && tensor.shape.length === spec.shape.length;
    if (tensor === undefined || !fits) {
      const found = tensor === undefined ? 'is missing' : `is ${describeType(tensor.dtype, tensor.shape)}`;
      const expected = describeType(spec.dtype, spec.shape);
      throw new CutpointError('CUT_INPUT', `The input "${spec.name}" must be ${expected}, but ${found}.`);
    }
    for (const [axis, dim] of spec.shape.entries()) {
      const size = tensor.shape[axis];
      if (typeof dim !== 'number' && size !== undefined) dims.set(dim ?? `${spec.name}.${axis}`, size);
    }
  }
  return dims;
}
