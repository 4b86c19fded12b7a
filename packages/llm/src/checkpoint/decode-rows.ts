import { openKernels } from '@cutpoint/codec';
import { CutpointError, halfToNumber } from '@cutpoint/core';
import type { CheckpointTensor } from './checkpoint.js';
import { decodeQ4K, decodeQ5K, decodeQ6K } from './k-quants.js';
import { encodings, type TensorEncoding } from './tensor-encoding.js';

const kernels = openKernels();

/** The elements of rows as f32. */
function decode(bytes: Uint8Array<ArrayBuffer>, encoding: TensorEncoding): Float32Array<ArrayBuffer> {
  const { elements, bytes: blockBytes } = encodings[encoding];
  const count = (bytes.length / blockBytes) * elements;
  if (encoding === 'f32') return new Float32Array(bytes.buffer, bytes.byteOffset, count);
  const values = new Float32Array(count);
  if (encoding === 'f16') kernels.fromHalves(new Uint16Array(bytes.buffer, bytes.byteOffset, count), values);
  else if (encoding === 'bf16') kernels.fromBfloats(new Uint16Array(bytes.buffer, bytes.byteOffset, count), values);
  else if (encoding === 'q4_0') decodeQ40(bytes, values);
  else if (encoding === 'q8_0') decodeQ80(bytes, values);
  else if (encoding === 'q4_k') decodeQ4K(bytes, values);
  else if (encoding === 'q5_k') decodeQ5K(bytes, values);
  else decodeQ6K(bytes, values);
  return values;
}

/**
 * Some rows of a tensor as finite f32.
 * @throws CutpointError CUT_CHECKPOINT if an element is not a number, or infinite.
 */
export async function readFloats(
  tensor: CheckpointTensor,
  first: number,
  count: number,
): Promise<Float32Array<ArrayBuffer>> {
  const values = decode(await tensor.readRows(first, count), tensor.encoding);
  // A difference to itself is 0 but for NaN and infinity, which then stay in the sum.
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    const value = (values[i] ?? 0) + tensor.plus;
    values[i] = value;
    sum += value - value;
  }
  if (sum === 0) return values;
  const message = `Tensor ${tensor.name} holds NaN or infinite numbers: the checkpoint is damaged, download it again.`;
  throw new CutpointError('CUT_CHECKPOINT', message);
}

/** Blocks of 32: a scale in f16, then bytes with the codes of elements i and i + 16, less 8. */
function decodeQ40(bytes: Uint8Array, values: Float32Array): void {
  for (let block = 0; block * 18 < bytes.length; block++) {
    const at = block * 18;
    const scale = halfToNumber((bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8));
    for (let i = 0; i < 16; i++) {
      const byte = bytes[at + 2 + i] ?? 0;
      values[block * 32 + i] = ((byte & 15) - 8) * scale;
      values[block * 32 + 16 + i] = ((byte >> 4) - 8) * scale;
    }
  }
}

/** Blocks of 32: a scale in f16, then 32 signed bytes. */
function decodeQ80(bytes: Uint8Array, values: Float32Array): void {
  for (let block = 0; block * 34 < bytes.length; block++) {
    const at = block * 34;
    const scale = halfToNumber((bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8));
    for (let i = 0; i < 32; i++) values[block * 32 + i] = (((bytes[at + 2 + i] ?? 0) << 24) >> 24) * scale;
  }
}
