import { byteLength, bytesPerElement, CutpointError, elementCount, type Tensor } from '@cutpoint/core';
import { descrOf, parseDescr } from './dtypes.js';
import { formatHeader, parseHeader } from './header.js';

/**
 * Reads a tensor from the bytes of a .npy file. Big-endian elements are converted, Fortran order is brought to row-major.
 * @throws CutpointError CUT_INPUT if the file is malformed or cut off, CUT_UNSUPPORTED_TYPE for its element type.
 */
export function decodeNpy(bytes: Uint8Array): Tensor {
  const { header, dataOffset } = parseHeader(bytes);
  const { dtype, bigEndian } = parseDescr(header.descr);
  const present = bytes.byteLength - dataOffset;
  const expected = byteLength(dtype, header.shape);
  if (present !== expected) {
    const message = `The .npy file holds ${present} bytes of elements, but its shape [${header.shape.join(', ')}] takes ${expected}.`;
    throw new CutpointError('CUT_INPUT', message);
  }
  const data = new Uint8Array(bytes.subarray(dataOffset));
  const size = bytesPerElement[dtype];
  if (bigEndian) reverseElements(data, size);
  return { dtype, shape: header.shape, data: header.fortranOrder ? rowMajor(data, header.shape, size) : data };
}

/** Writes a tensor as a .npy file of version 1.0. @throws CutpointError CUT_UNSUPPORTED_TYPE for bf16. */
export function encodeNpy(tensor: Tensor): Uint8Array {
  const header = formatHeader({ descr: descrOf(tensor.dtype), fortranOrder: false, shape: tensor.shape });
  const bytes = new Uint8Array(header.byteLength + tensor.data.byteLength);
  bytes.set(header);
  bytes.set(tensor.data, header.byteLength);
  return bytes;
}

function reverseElements(data: Uint8Array, size: number): void {
  for (let start = 0; start < data.length; start += size) data.subarray(start, start + size).reverse();
}

/** Copies elements whose first index runs fastest into row-major order. */
function rowMajor(source: Uint8Array, shape: readonly number[], size: number): Uint8Array<ArrayBuffer> {
  const target = new Uint8Array(source.byteLength);
  const index = new Array<number>(shape.length).fill(0);
  const strides = shape.map((_, axis) => elementCount(shape.slice(0, axis)));
  for (let to = 0; to < target.length; to += size) {
    const from = index.reduce((offset, position, axis) => offset + position * (strides[axis] ?? 0), 0) * size;
    target.set(source.subarray(from, from + size), to);
    for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
      const next = (index[axis] ?? 0) + 1;
      index[axis] = next === shape[axis] ? 0 : next;
      if (next !== shape[axis]) break;
    }
  }
  return target;
}
