import { elementCount } from '@cutpoint/core';
import { beyond, fromF32, rounding, toF32 } from '../floats.js';
import { rowLength } from '../grouping.js';
import type { Kernels } from '../kernels/kernels.js';
import type { SymbolCoder } from '../symbol-coder.js';
import type { Body } from './body.js';
import { elementBound } from './bounds.js';
import { readBytes, writeBytes } from './coded-bytes.js';

/**
 * `f16` and `bf16`: each element rounded to two bytes, ties to even. NaN and infinities stay; a finite element that would
 * become infinite is refused.
 */
export function halfWidthBody(to: 'f16' | 'bf16', kernels: Kernels, coder: SymbolCoder | undefined): Body {
  return {
    write: (tensor, out) => {
      const values = toF32(tensor, kernels);
      const bits = new Uint16Array(values.length);
      const overflows = to === 'f16' ? kernels.toHalves(values, bits) : kernels.toBfloats(values, bits);
      if (overflows > 0) throw beyond(tensor.dtype, to);
      writeBytes(out, new Uint8Array(bits.buffer), { bytes: 2, row: rowLength(tensor.shape) }, coder);
    },
    read: (type, body) => {
      const elements = elementCount(type.shape);
      const bytes = new Uint8Array(readBytes(body, elements * 2, { bytes: 2, row: rowLength(type.shape) }, coder));
      const values = new Float32Array(elements);
      const bits = new Uint16Array(bytes.buffer);
      if (to === 'f16') kernels.fromHalves(bits, values);
      else kernels.fromBfloats(bits, values);
      return fromF32(values, type, kernels);
    },
    bound: (tensor) => elementBound(tensor, kernels, (x) => Math.abs(x) * rounding[to].share + rounding[to].least),
  };
}
