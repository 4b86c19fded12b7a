import { CutpointError } from '@cutpoint/core';
import type { FileSpan, StoredWeight, WeightContent, WeightForm, WeightPiece } from '@cutpoint/llm';
import { codeAt, putCode, type StoredBlockSize } from '@cutpoint/llm/parts';
import type { Span } from './division.js';
import { type Blocks, openSource, rowLengths } from './source-file.js';

/** Bytes that are read at a time. */
const batchBytes = 4 << 20;
const none = new Uint8Array(0);

/** Some rows of a matrix, or elements of a vector, of a package's file: the spans one behind the other. Nothing is rounded anew. */
export function rowsOf(path: string, stored: StoredWeight, spans: readonly Span[]): WeightContent {
  const rows = spans.reduce((sum, { from, to }) => sum + to - from, 0);
  if (stored.kind === 'float') {
    const [, ...columns] = stored.shape;
    const form: WeightForm = { kind: 'float', dtype: stored.dtype, shape: [rows, ...columns] };
    return { form, pieces: () => floatRows(path, stored.span, rowBytesOf(stored), spans) };
  }
  const form: WeightForm = { ...formOf(stored), rows };
  return { form, pieces: () => blockRows(path, stored, spans) };
}

/**
 * Some columns of a matrix of a package's file. Where they do not begin at a block's start, blocks become as small as it takes, with
 * the scales that they had: nothing is rounded anew.
 * @throws CutpointError CUT_USAGE where not even blocks of 16 begin there.
 */
export function columnsOf(path: string, stored: StoredWeight, span: Span): WeightContent {
  const columns = span.to - span.from;
  if (stored.kind === 'float') {
    const [rows = 1] = stored.shape;
    const form: WeightForm = { kind: 'float', dtype: stored.dtype, shape: [rows, columns] };
    return { form, pieces: () => floatColumns(path, stored, span) };
  }
  const block = blockThatFits(stored, span);
  return { form: { ...formOf(stored), columns, block }, pieces: () => blockColumns(path, stored, span, block) };
}

function formOf({ bits, block, rows, columns, zeroPoints }: Blocks): WeightForm & { kind: 'blocks' } {
  return { kind: 'blocks', bits, block, rows, columns, zeroPoints: zeroPoints !== null };
}

function blockThatFits({ block, columns }: Blocks, { from, to }: Span): StoredBlockSize {
  for (const size of [128, 64, 32, 16] as const) {
    if (size <= block && from % size === 0 && (to % size === 0 || to === columns)) return size;
  }
  const message = `Columns ${from} to ${to} of a matrix in blocks of ${block} cannot be taken out: divide at multiples of 16.`;
  throw new CutpointError('CUT_USAGE', message);
}

function rowBytesOf({ dtype, shape }: StoredWeight & { kind: 'float' }): number {
  const [, columns = 1] = shape;
  return columns * (dtype === 'f32' ? 4 : 2);
}

async function* floatRows(
  path: string,
  { offset }: FileSpan,
  rowBytes: number,
  spans: readonly Span[],
): AsyncGenerator<WeightPiece> {
  await using file = await openSource(path);
  for (const { from, to } of spans) {
    for (const [first, count] of batches(from, to, rowBytes)) {
      yield { values: await file.read(offset + first * rowBytes, count * rowBytes), scales: none, zeroPoints: none };
    }
  }
}

async function* floatColumns(
  path: string,
  stored: StoredWeight & { kind: 'float' },
  { from, to }: Span,
): AsyncGenerator<WeightPiece> {
  await using file = await openSource(path);
  const rowBytes = rowBytesOf(stored);
  const width = stored.dtype === 'f32' ? 4 : 2;
  for (const [first, count] of batches(0, stored.shape[0] ?? 0, rowBytes)) {
    const bytes = await file.read(stored.span.offset + first * rowBytes, count * rowBytes);
    yield { values: cutRows(bytes, rowBytes, from * width, to * width), scales: none, zeroPoints: none };
  }
}

async function* blockRows(path: string, stored: Blocks, spans: readonly Span[]): AsyncGenerator<WeightPiece> {
  await using file = await openSource(path);
  const { codes } = rowLengths(stored);
  for (const { from, to } of spans) {
    for (const [first, count] of batches(from, to, codes)) yield await file.blocks(stored, first, count);
  }
}

async function* blockColumns(
  path: string,
  stored: Blocks,
  { from, to }: Span,
  block: StoredBlockSize,
): AsyncGenerator<WeightPiece> {
  await using file = await openSource(path);
  const { bits } = stored;
  const lengths = rowLengths(stored);
  const [firstBlock, endBlock] = [Math.floor(from / block), Math.ceil(to / block)];
  const codesOf = (blocks: number) => (blocks * block * bits) / 8;
  const ratio = stored.block / block;
  for (const [first, count] of batches(0, stored.rows, lengths.codes)) {
    const piece = await file.blocks(stored, first, count);
    const scales = new Float32Array(piece.scales.buffer, piece.scales.byteOffset, piece.scales.length / 4);
    const perRow = lengths.scales / 4;
    const cut = new Float32Array(count * (endBlock - firstBlock));
    const zeroBytes = stored.zeroPoints === null ? 0 : Math.ceil(((endBlock - firstBlock) * bits) / 8);
    const zeros = new Uint8Array(count * zeroBytes);
    for (let row = 0; row < count; row++) {
      for (let b = firstBlock; b < endBlock; b++) {
        const source = Math.floor(b / ratio);
        cut[row * (endBlock - firstBlock) + b - firstBlock] = scales[row * perRow + source] ?? 0;
        if (zeroBytes === 0) continue;
        const code = codeAt(piece.zeroPoints, bits, row * lengths.zeroPoints, source);
        putCode(zeros, bits, row * zeroBytes, b - firstBlock, code);
      }
    }
    yield {
      values: cutRows(piece.values, lengths.codes, codesOf(firstBlock), codesOf(endBlock)),
      scales: new Uint8Array(cut.buffer),
      zeroPoints: zeros,
    };
  }
}

/** Bytes `from` to `to` of each row. */
function cutRows(bytes: Uint8Array, rowBytes: number, from: number, to: number): Uint8Array {
  const rows = bytes.length / rowBytes;
  const cut = new Uint8Array(rows * (to - from));
  for (let row = 0; row < rows; row++) {
    cut.set(bytes.subarray(row * rowBytes + from, row * rowBytes + to), row * (to - from));
  }
  return cut;
}

function* batches(from: number, to: number, rowBytes: number): Generator<readonly [first: number, count: number]> {
  const most = Math.max(1, Math.floor(batchBytes / rowBytes));
  for (let first = from; first < to; first += most) yield [first, Math.min(most, to - first)];
}
