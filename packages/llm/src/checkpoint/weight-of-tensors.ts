import { openKernels } from '@cutpoint/codec';
import { CutpointError } from '@cutpoint/core';
import type { WeightContent, WeightForm, WeightPiece } from '../package/weight-content.js';
import { quantiseRows } from '../quantise/quantise-rows.js';
import type { CheckpointTensor } from './checkpoint.js';
import { readFloats } from './decode-rows.js';
import { keepQ40, keepQ80 } from './kept-blocks.js';
import { rowBytes } from './tensor-encoding.js';
import type { MatrixWidth } from './widths.js';

/** Elements that are worked on at a time: 16 MB as floats. */
const batchElements = 1 << 22;

const kernels = openKernels();

/**
 * Several tensors of the same number of columns, one below the other, in the width that is asked for.
 * @param importance how much errors in each column count where it is rounded; else all alike, as `quantiseRows` says.
 */
export function matrixOf(
  tensors: readonly CheckpointTensor[],
  width: MatrixWidth,
  importance?: Float32Array,
): WeightContent {
  const rows = tensors.reduce((sum, tensor) => sum + tensor.rows, 0);
  const columns = tensors[0]?.columns ?? 0;
  const form: WeightForm =
    width.kind === 'float'
      ? { kind: 'float', dtype: width.dtype, shape: [rows, columns] }
      : { kind: 'blocks', bits: width.bits, block: width.block, rows, columns, zeroPoints: width.zeroPoints };
  const read = (tensor: CheckpointTensor, first: number, count: number) =>
    matrixRows(tensor, first, count, width, importance);
  return { form, pieces: () => pieces(tensors, read) };
}

/** Vectors one behind the other, always in f32: norms and biases. */
export function vectorOf(tensors: readonly CheckpointTensor[]): WeightContent {
  const elements = tensors.reduce((sum, tensor) => sum + tensor.columns, 0);
  const form = { kind: 'float', dtype: 'f32', shape: [elements] } as const;
  const width = { kind: 'float', dtype: 'f32' } as const;
  return { form, pieces: () => pieces(tensors, (tensor, first, count) => matrixRows(tensor, first, count, width)) };
}

async function* pieces(
  tensors: readonly CheckpointTensor[],
  read: (tensor: CheckpointTensor, first: number, count: number) => Promise<WeightPiece>,
): AsyncGenerator<WeightPiece> {
  for (const tensor of tensors) {
    const batch = Math.max(1, Math.floor(batchElements / tensor.columns));
    for (let first = 0; first < tensor.rows; first += batch) {
      yield await read(tensor, first, Math.min(batch, tensor.rows - first));
    }
  }
}

async function matrixRows(
  tensor: CheckpointTensor,
  first: number,
  count: number,
  width: MatrixWidth,
  importance?: Float32Array,
): Promise<WeightPiece> {
  if (width.kind === 'blocks') {
    const keeps = width.block === 32 && !width.zeroPoints;
    if (keeps && tensor.encoding === 'q4_0' && width.bits !== 2)
      return finite(keepQ40(await tensor.readRows(first, count), width.bits), tensor);
    if (keeps && tensor.encoding === 'q8_0' && width.bits === 8)
      return finite(keepQ80(await tensor.readRows(first, count)), tensor);
    return quantiseRows(await readFloats(tensor, first, count), tensor.columns, width, importance);
  }
  if (width.dtype === 'f16' && tensor.encoding === 'f16' && tensor.plus === 0) {
    // Checked for NaN and infinity on the way, and written as it was.
    const bytes = await tensor.readRows(first, count);
    requireFiniteHalves(bytes, tensor);
    return floats(bytes);
  }
  const values = await readFloats(tensor, first, count);
  return floats(width.dtype === 'f32' ? bytesOf(values) : bytesOf(toHalves(values, tensor)));
}

function toHalves(values: Float32Array<ArrayBuffer>, { name }: CheckpointTensor): Uint16Array {
  const halves = new Uint16Array(values.length);
  if (kernels.toHalves(values, halves) === 0) return halves;
  const message = `Tensor ${name} has elements beyond what 16 bits hold: import it with --bits 32 or 8.`;
  throw new CutpointError('CUT_CHECKPOINT', message);
}

/** Blocks whose scales are numbers. */
function finite(piece: WeightPiece, { name }: CheckpointTensor): WeightPiece {
  const { buffer, byteOffset, length } = piece.scales;
  if (new Float32Array(buffer, byteOffset, length / 4).every(Number.isFinite)) return piece;
  throw notFinite(name);
}

function notFinite(name: string): CutpointError {
  const message = `Tensor ${name} holds NaN or infinite numbers: the checkpoint is damaged, download it again.`;
  return new CutpointError('CUT_CHECKPOINT', message);
}

function requireFiniteHalves(bytes: Uint8Array<ArrayBuffer>, { name }: CheckpointTensor): void {
  const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / rowBytes('f16', 1));
  for (let i = 0; i < halves.length; i++) {
    if (((halves[i] ?? 0) & 0x7c00) === 0x7c00) throw notFinite(name);
  }
}

function bytesOf(values: ArrayBufferView): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function floats(values: Uint8Array): WeightPiece {
  return { values, scales: new Uint8Array(0), zeroPoints: new Uint8Array(0) };
}
