import { CutpointError } from '@cutpoint/core';
import type { CheckpointTensor } from './checkpoint.js';
import type { StoredTensor } from './safetensors.js';
import { encodings, rowBytes } from './tensor-encoding.js';

/** A stored tensor as rows: a matrix as it is, a vector as one row. @throws CutpointError CUT_CHECKPOINT for other shapes. */
export function rowsOf({ name, encoding, shape, file, offset }: StoredTensor, plus: 0 | 1 = 0): CheckpointTensor {
  const [rows, columns] = shape.length === 1 ? [1, shape[0]] : shape;
  const whole = columns !== undefined && columns % encodings[encoding].elements === 0;
  if (shape.length > 2 || rows === undefined || columns === undefined || !whole) {
    throw new CutpointError(
      'CUT_CHECKPOINT',
      `Tensor ${name} has the shape [${shape.join(', ')}], which no decoder has.`,
    );
  }
  const bytes = rowBytes(encoding, columns);
  const readRows = (first: number, count: number) => file.read(offset + first * bytes, count * bytes);
  return { name, encoding, rows, columns, plus, readRows };
}

/**
 * Rows of queries and keys in the order of halves, from one in which neighbours are paired, as llama.cpp stores models of
 * Llama's architecture: of a head's rows the even ones come first, then the odd ones. Nothing but rows is moved, so blocks
 * stay exact. A vector is taken as a column.
 */
export function inHalves(tensor: CheckpointTensor, headSize: number): CheckpointTensor {
  const isVector = tensor.rows === 1;
  const rows = isVector ? tensor.columns : tensor.rows;
  const bytes = isVector ? rowBytes(tensor.encoding, 1) : rowBytes(tensor.encoding, tensor.columns);
  const read = async (first: number, count: number): Promise<Uint8Array<ArrayBuffer>> => {
    const from = first - (first % headSize);
    const to = Math.min(rows, Math.ceil((first + count) / headSize) * headSize);
    const source = isVector
      ? (await tensor.readRows(0, 1)).subarray(from * bytes, to * bytes)
      : await tensor.readRows(from, to - from);
    const target = new Uint8Array(count * bytes);
    for (let row = first; row < first + count; row++) {
      const place = row % headSize;
      const half = headSize / 2;
      const paired = row - place + (place < half ? 2 * place : 2 * (place - half) + 1);
      const at = (paired - from) * bytes;
      target.set(source.subarray(at, at + bytes), (row - first) * bytes);
    }
    return target;
  };
  return isVector ? { ...tensor, readRows: () => read(0, rows) } : { ...tensor, readRows: read };
}
