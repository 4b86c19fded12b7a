import { elementCount } from '@cutpoint/core';
import type { ByteReader } from '../bytes.js';
import { beyond, type FloatTensorType, fromF32, rounding, toF32 } from '../floats.js';
import { rowLength } from '../grouping.js';
import type { Kernels } from '../kernels/kernels.js';
import { elementsOf } from '../parts.js';
import type { SymbolCoder } from '../symbol-coder.js';
import type { PartsBody } from './body.js';
import { elementBound } from './bounds.js';
import { readBytes, writeBytes } from './coded-bytes.js';

/**
 * `f16` and `bf16`: each element rounded to two bytes, ties to even. NaN and infinities stay; a finite element that would
 * become infinite is refused.
 */
export function halfWidthBody(to: 'f16' | 'bf16', kernels: Kernels, coder: SymbolCoder | undefined): PartsBody {
  const put: PartsBody['put'] = (parts, { shape }, out) =>
    writeBytes(out, elementsOf(parts).bytes, { bytes: 2, row: rowLength(shape) }, coder);
  const take = ({ shape }: FloatTensorType, body: ByteReader) => {
    const { at } = body;
    const bytes = readBytes(body, elementCount(shape) * 2, { bytes: 2, row: rowLength(shape) }, coder);
    return {
      parts: { kind: 'elements', format: to, bytes } as const,
      places: { kind: 'elements', at } as const,
    };
  };
  return {
    put,
    take,
    write: (tensor, out) => {
      const values = toF32(tensor, kernels);
      const bits = new Uint16Array(values.length);
      const overflows = to === 'f16' ? kernels.toHalves(values, bits) : kernels.toBfloats(values, bits);
      if (overflows > 0) throw beyond(tensor.dtype, to);
      put({ kind: 'elements', format: to, bytes: new Uint8Array(bits.buffer) }, tensor, out);
    },
    read: (type, body) => {
      const bits = new Uint16Array(new Uint8Array(take(type, body).parts.bytes).buffer);
      const values = new Float32Array(bits.length);
      if (to === 'f16') kernels.fromHalves(bits, values);
      else kernels.fromBfloats(bits, values);
      return fromF32(values, type, kernels);
    },
    bound: (tensor) => elementBound(tensor, kernels, (x) => Math.abs(x) * rounding[to].share + rounding[to].least),
  };
}
