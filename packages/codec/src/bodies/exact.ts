import { byteLength, bytesPerElement } from '@cutpoint/core';
import type { SymbolCoder } from '../symbol-coder.js';
import type { Body } from './body.js';
import { readBytes, writeBytes } from './coded-bytes.js';

/** `raw`: the bytes of the tensor. */
export function rawBody(coder: SymbolCoder | undefined): Body {
  return {
    write: ({ dtype, data }, out) => writeBytes(out, data, bytesPerElement[dtype], coder),
    read: ({ dtype, shape }, body) => {
      const bytes = readBytes(body, byteLength(dtype, shape), bytesPerElement[dtype], coder);
      return { dtype, shape, data: new Uint8Array(bytes) };
    },
    bound: () => ({ kind: 'exact' }),
  };
}
