import { byteLength, CutpointError, type Tensor, valuesOf } from '@cutpoint/core';
import { dtypeOfOrt, ortOfDtype } from '@cutpoint/runtime/browser';
import type * as Ort from 'onnxruntime-web';

/** A tensor as onnxruntime-web takes it. @throws CutpointError CUT_UNSUPPORTED_TYPE */
export function toOrt(ort: typeof Ort, tensor: Tensor): Ort.Tensor {
  const type = ortOfDtype[tensor.dtype];
  if (type === undefined)
    throw new CutpointError('CUT_UNSUPPORTED_TYPE', `The runtime has no tensors of ${tensor.dtype}.`);
  return new ort.Tensor(type as Ort.Tensor.Type, valuesOf(tensor) as Ort.Tensor.DataType, tensor.shape);
}

/** A tensor of onnxruntime-web that is in memory; its bytes stay where they are. @throws CutpointError CUT_UNSUPPORTED_TYPE */
export function fromOrt(value: Ort.Tensor): Tensor {
  const { data } = value;
  if (!ArrayBuffer.isView(data)) throw unsupported(value);
  const { buffer, byteOffset, byteLength } = data as ArrayBufferView<ArrayBuffer>;
  return { dtype: dtypeOf(value), shape: value.dims, data: new Uint8Array(buffer, byteOffset, byteLength) };
}

/** What a tensor takes as it is. @throws CutpointError CUT_UNSUPPORTED_TYPE */
export function bytesOfOrt(value: Ort.Tensor): number {
  return byteLength(dtypeOf(value), value.dims);
}

function dtypeOf(value: Ort.Tensor): Tensor['dtype'] {
  const dtype = dtypeOfOrt[value.type];
  if (dtype === undefined) throw unsupported(value);
  return dtype;
}

function unsupported({ type }: Ort.Tensor): CutpointError {
  return new CutpointError('CUT_UNSUPPORTED_TYPE', `A tensor of the type ${type} cannot be carried.`);
}
