import { byteLength, bytesPerElement } from '@cutpoint/core';
import type { FloatTensor } from '../floats.js';
import { rowLength } from '../grouping.js';
import type { SymbolCoder } from '../symbol-coder.js';
import type { Body } from './body.js';
import { type Records, readBytes, writeBytes } from './coded-bytes.js';

/** `raw`: the bytes of the tensor. */
export function rawBody(coder: SymbolCoder | undefined): Body {
  return {
    write: ({ dtype, shape, data }, out) => writeBytes(out, data, recordsOf(dtype, shape), coder),
    read: ({ dtype, shape }, body) => {
      const bytes = readBytes(body, byteLength(dtype, shape), recordsOf(dtype, shape), coder);
      return { dtype, shape, data: new Uint8Array(bytes) };
    },
    bound: () => ({ kind: 'exact' }),
  };
}

function recordsOf(dtype: FloatTensor['dtype'], shape: readonly number[]): Records {
  return { bytes: bytesPerElement[dtype], row: rowLength(shape) };
}
