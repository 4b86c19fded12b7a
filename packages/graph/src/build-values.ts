import { create } from '@bufbuild/protobuf';
import { byteLength, type DType, tensorOf } from '@cutpoint/core';
import { dataTypeOf } from './element-types.js';
import {
  type TensorProto,
  TensorProto_DataLocation,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from './onnx_pb.js';

/** A dimension: its size, a name shared by dimensions of equal size, or null where nothing is known. */
export type Dimension = number | string | null;

/** Declares a tensor value (a graph's input, output or inner value). */
export function tensorValue(name: string, dtype: DType, shape: readonly Dimension[]): ValueInfoProto {
  const dim = shape.map((size) => ({ value: dimensionValue(size) }));
  const tensorType = { elemType: dataTypeOf(dtype), shape: { dim } };
  return create(ValueInfoProtoSchema, { name, type: { value: { case: 'tensorType', value: tensorType } } });
}

function dimensionValue(size: Dimension) {
  if (size === null) return { case: undefined };
  return typeof size === 'number'
    ? { case: 'dimValue' as const, value: BigInt(size) }
    : { case: 'dimParam' as const, value: size };
}

/**
 * A weight whose bytes are inside the model (a view of `values`, not a copy). f16 and bf16 are given as bit patterns.
 * @throws CutpointError CUT_INPUT if the number of bytes does not fit the shape.
 */
export function weight(
  name: string,
  dtype: DType,
  shape: readonly number[],
  values: ArrayBufferView<ArrayBuffer>,
): TensorProto {
  const { data } = tensorOf(dtype, shape, values);
  return create(TensorProtoSchema, { name, dataType: dataTypeOf(dtype), dims: shape.map(BigInt), rawData: data });
}

/** A weight whose bytes are in another file: its path relative to the model's folder, and the offset in bytes. */
export function externalWeight(
  name: string,
  dtype: DType,
  shape: readonly number[],
  at: { readonly location: string; readonly offset: number },
): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dataType: dataTypeOf(dtype),
    dims: shape.map(BigInt),
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: [
      { key: 'location', value: at.location },
      { key: 'offset', value: String(at.offset) },
      { key: 'length', value: String(byteLength(dtype, shape)) },
    ],
  });
}
