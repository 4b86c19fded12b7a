import { CutpointError } from '@cutpoint/core';
import type { ByteReader } from '../bytes.js';
import { type FloatTensor, type FloatTensorType, fromF32, toF32 } from '../floats.js';
import { type GroupingName, groupingOf, rowLength } from '../grouping.js';
import { groupCount, type Kernels, type Steps } from '../kernels/kernels.js';
import { stepsOf } from '../parts.js';
import type { SymbolCoder } from '../symbol-coder.js';
import type { PartsBody } from './body.js';
import { elementBound } from './bounds.js';
import { formFor, readCodes, readScales, writeCodes, writeScales } from './steps-io.js';

/**
 * `affine`: each group in 2^bits equal steps from its smallest to its largest element (kernels/affine.ts). No element may
 * be NaN, infinite or beyond 2^126.
 */
export function affineBody(
  { bits, per }: { readonly bits: number; readonly per: GroupingName },
  kernels: Kernels,
  coder: SymbolCoder | undefined,
): PartsBody {
  const form = formFor(coder);
  const steps = (tensor: FloatTensor): Steps => {
    const grouping = groupingOf(tensor.shape, per);
    const made = kernels.affineEncode(toF32(tensor, kernels), grouping, bits, form);
    if (made !== undefined) return made;
    const message =
      'affine carries finite elements up to 2^126 only: choose a codec that keeps others, such as raw or ts-tabq.';
    throw new CutpointError('CUT_CODEC', message);
  };
  const put: PartsBody['put'] = (parts, type, out) => {
    const { steps: made, grouping } = stepsOf(parts);
    writeScales(made, out, kernels, coder);
    writeCodes(made, grouping, rowLength(type.shape), out, coder);
  };
  const take = (type: FloatTensorType, body: ByteReader) => {
    const grouping = groupingOf(type.shape, per);
    const widths = new Uint8Array(groupCount(grouping)).fill(bits);
    const { places, ...scales } = readScales(widths, body, kernels, coder);
    const codesAt = body.at;
    const codes = readCodes(widths, grouping, rowLength(type.shape), body, coder);
    return {
      parts: { kind: 'steps', grouping, form, steps: { ...scales, codes }, outliers: undefined } as const,
      places: { kind: 'steps', outliers: undefined, widths: { all: bits }, ...places, codesAt } as const,
    };
  };
  return {
    put,
    take,
    write: (tensor, out) => {
      const grouping = groupingOf(tensor.shape, per);
      put({ kind: 'steps', grouping, form, steps: steps(tensor), outliers: undefined }, tensor, out);
    },
    read: (type, body) => {
      const { steps: made, grouping } = take(type, body).parts;
      return fromF32(kernels.decodeSteps(made, grouping, form, undefined), type, kernels);
    },
    bound: (tensor) => {
      const { length, inner } = groupingOf(tensor.shape, per);
      const { scales, lows } = steps(tensor);
      return elementBound(tensor, kernels, (x, at) => {
        const group = Math.floor(at / (length * inner)) * inner + (at % inner);
        const low = Math.abs(lows[group] ?? 0);
        // Half a step, what the code may be off by as it is computed in f32, and the rounding of the sum.
        return (scales[group] ?? 0) * (0.5 + 2 ** -13) + 2 ** -22 * (low + Math.abs(x)) + 2 ** -149;
      });
    },
  };
}
