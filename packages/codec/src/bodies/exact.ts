import { byteLength, bytesPerElement } from '@cutpoint/core';
import type { ByteReader } from '../bytes.js';
import type { FloatTensor, FloatTensorType } from '../floats.js';
import { rowLength } from '../grouping.js';
import { elementsOf } from '../parts.js';
import type { SymbolCoder } from '../symbol-coder.js';
import type { PartsBody } from './body.js';
import { type Records, readBytes, writeBytes } from './coded-bytes.js';

/** `raw`: the bytes of the tensor. */
export function rawBody(coder: SymbolCoder | undefined): PartsBody {
  const put: PartsBody['put'] = (parts, { dtype, shape }, out) =>
    writeBytes(out, elementsOf(parts).bytes, recordsOf(dtype, shape), coder);
  const take = ({ dtype, shape }: FloatTensorType, body: ByteReader) => {
    const { at } = body;
    const bytes = readBytes(body, byteLength(dtype, shape), recordsOf(dtype, shape), coder);
    return {
      parts: { kind: 'elements', format: dtype, bytes } as const,
      places: { kind: 'elements', at } as const,
    };
  };
  return {
    put,
    take,
    write: (tensor, out) => put({ kind: 'elements', format: tensor.dtype, bytes: tensor.data }, tensor, out),
    read: (type, body) => ({
      dtype: type.dtype,
      shape: type.shape,
      data: new Uint8Array(take(type, body).parts.bytes),
    }),
    bound: () => ({ kind: 'exact' }),
  };
}

function recordsOf(dtype: FloatTensor['dtype'], shape: readonly number[]): Records {
  return { bytes: bytesPerElement[dtype], row: rowLength(shape) };
}
