import { bfloat16ToNumber, elementCount, halfToNumber, type NamedTensors, type Tensor, valuesOf } from '@cutpoint/core';

/** How many values of an output are printed as JSON; more would make documents that few readers can take. */
export const maxJsonValues = 1_048_576;

/** A number, a boolean, or a text for what JSON numbers cannot say: NaN, the infinities, integers beyond 2^53. */
export type JsonValue = number | boolean | string;

/** An output tensor as JSON. */
export interface JsonTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** The elements in row-major order, the first `maxJsonValues` of them. */
  readonly data: readonly JsonValue[];
  /** There if `data` is not all: how many elements the tensor has. */
  readonly truncatedFrom?: number;
}

/** Tensors as a JSON object by name. */
export function tensorsToJson(tensors: NamedTensors): Readonly<Record<string, JsonTensor>> {
  return Object.fromEntries([...tensors].map(([name, tensor]) => [name, tensorToJson(tensor)]));
}

function tensorToJson(tensor: Tensor): JsonTensor {
  const { dtype, shape } = tensor;
  const data = firstValues(tensor, maxJsonValues);
  const count = elementCount(shape);
  return count > data.length ? { dtype, shape, data, truncatedFrom: count } : { dtype, shape, data };
}

/** The first elements of a tensor, at most `count` of them. */
export function firstValues(tensor: Tensor, count: number): readonly JsonValue[] {
  const values = valuesOf(tensor).subarray(0, count);
  return Array.from(values, (value: number | bigint) => toJson(tensor.dtype, value));
}

function toJson(dtype: Tensor['dtype'], value: number | bigint): JsonValue {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (dtype === 'bool') return value !== 0;
  const number = dtype === 'f16' ? halfToNumber(value) : dtype === 'bf16' ? bfloat16ToNumber(value) : value;
  return Number.isFinite(number) ? number : String(number);
}
