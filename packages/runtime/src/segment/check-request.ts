import {
  byteLength,
  CutpointError,
  describeType,
  type NamedTensors,
  type Tensor,
  type TensorSpec,
} from '@cutpoint/core';
import { ortOfDtype } from './ort-types.js';
import type { OutputSpec } from './segment.js';

/** @throws CutpointError CUT_INPUT or CUT_UNSUPPORTED_TYPE unless the tensors are what the segment expects. */
export function checkInputs(specs: readonly TensorSpec[], inputs: NamedTensors): void {
  const expected = () =>
    specs.map((spec) => `${spec.name}: ${describeType(spec.dtype, spec.shape)}`).join(', ') || 'none';
  for (const name of inputs.keys()) {
    if (specs.some((spec) => spec.name === name)) continue;
    throw new CutpointError('CUT_INPUT', `The segment has no input '${name}'; its inputs are ${expected()}.`);
  }
  for (const spec of specs) {
    const tensor = inputs.get(spec.name);
    if (tensor === undefined) {
      throw new CutpointError(
        'CUT_INPUT',
        `The input '${spec.name}' is missing; the segment's inputs are ${expected()}.`,
      );
    }
    checkTensor(spec, tensor);
  }
}

function checkTensor(spec: TensorSpec, { dtype, shape, data }: Tensor): void {
  if (ortOfDtype[dtype] === undefined) {
    throw new CutpointError(
      'CUT_UNSUPPORTED_TYPE',
      `The input '${spec.name}' is ${dtype}, which the runtime cannot carry.`,
    );
  }
  const sizes = shape.every((dim) => Number.isSafeInteger(dim) && dim >= 0);
  if (!sizes || dtype !== spec.dtype || !fits(spec.shape, shape)) {
    const [wanted, given] = [describeType(spec.dtype, spec.shape), describeType(dtype, shape)];
    throw new CutpointError('CUT_INPUT', `The input '${spec.name}' must be ${wanted}, but ${given} was given.`);
  }
  if (data.byteLength !== byteLength(dtype, shape)) {
    const [type, bytes] = [describeType(dtype, shape), byteLength(dtype, shape)];
    const message = `The input '${spec.name}' of ${type} takes ${bytes} bytes, but holds ${data.byteLength}.`;
    throw new CutpointError('CUT_INPUT', message);
  }
}

function fits(spec: TensorSpec['shape'], shape: readonly number[]): boolean {
  // No dimensions: a scalar or an unranked tensor. The runtime, which knows which, checks it.
  if (spec.length === 0) return true;
  return spec.length === shape.length && spec.every((dim, i) => typeof dim !== 'number' || dim === shape[i]);
}

/**
 * The outputs to fetch, each once: those named, or all.
 * @throws CutpointError CUT_INPUT for an unknown name, CUT_UNSUPPORTED_TYPE for one that cannot be carried.
 */
export function chooseOutputs(specs: readonly OutputSpec[], names: readonly string[] | undefined): string[] {
  const chosen = [...new Set(names ?? specs.map(({ name }) => name))];
  if (chosen.length === 0) throw new CutpointError('CUT_INPUT', 'Name at least one output, or none to get all.');
  for (const name of chosen) {
    const spec = specs.find((candidate) => candidate.name === name);
    if (spec === undefined) {
      const known = specs.map((candidate) => candidate.name).join(', ');
      throw new CutpointError('CUT_INPUT', `The segment has no output '${name}'; its outputs are ${known}.`);
    }
    if (spec.dtype === null) {
      const message = `The output '${name}' is a ${spec.kind}, which cannot be carried; name the other outputs instead.`;
      throw new CutpointError('CUT_UNSUPPORTED_TYPE', message);
    }
  }
  return chosen;
}
