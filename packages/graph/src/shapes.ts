import { byteLength, CutpointError, type DType } from '@cutpoint/core';

/**
 * What is known of a value after the model ran once.
 * `shape` was measured; `declared` is what holds for every run (null or a name where a dimension is free).
 * `other` values (sequences, maps, strings, 4-bit tensors) cannot cross a cut.
 */
export type ValueType =
  | {
      readonly kind: 'tensor';
      readonly dtype: DType;
      readonly shape: readonly number[];
      readonly declared: readonly (number | string | null)[];
    }
  | { readonly kind: 'other'; readonly what: string };

/** A tensor's type, the only kind that crosses. */
export type TensorType = Extract<ValueType, { kind: 'tensor' }>;

/** Types of a model's values by name: what the shape oracle (packages/runtime) measured. */
export type ShapeTable = ReadonlyMap<string, ValueType>;

/** Size in bytes of a value; infinite for one that cannot cross, so that it never looks cheap. */
export function valueBytes(shapes: ShapeTable, value: string): number {
  const type = shapes.get(value);
  return type?.kind === 'tensor' ? byteLength(type.dtype, type.shape) : Number.POSITIVE_INFINITY;
}

/** The tensor type of a value. @throws CutpointError CUT_SHAPES if it is unknown or not a tensor. */
export function tensorType(shapes: ShapeTable, value: string): TensorType {
  const type = shapes.get(value);
  if (type?.kind === 'tensor') return type;
  const what = type === undefined ? 'its shape is not known' : `it is ${type.what}`;
  throw new CutpointError('CUT_SHAPES', `The value "${value}" cannot cross a cut: ${what}.`);
}
