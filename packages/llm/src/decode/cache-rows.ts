import { openKernels } from '@cutpoint/codec';
import { type CacheKind, cachedHeadBytes } from '../graph/cache-kind.js';

/** Keys or values of one layer: rows of `headSize` elements, one for each head of each token. */
export interface CacheRows {
  /** f32, the bits of f16, or codes: element = code * scale. */
  readonly elements: Float32Array<ArrayBuffer> | Uint16Array<ArrayBuffer> | Int8Array<ArrayBuffer>;
  /** One for each row; of codes only, else empty. */
  readonly scales: Float32Array<ArrayBuffer>;
}

const kernels = openKernels();
const noScales = new Float32Array(0);
const largestCode = 127;
const leastSize = 127 * 2 ** -126;

/** Rows of zeros. */
export function emptyRows(kind: CacheKind, rows: number, headSize: number): CacheRows {
  const elements = rows * headSize;
  if (kind === 'f32') return { elements: new Float32Array(elements), scales: noScales };
  if (kind === 'f16') return { elements: new Uint16Array(elements), scales: noScales };
  return { elements: new Int8Array(elements), scales: new Float32Array(rows) };
}

export function bytesOfRows(kind: CacheKind, rows: number, headSize: number): number {
  return rows * cachedHeadBytes(kind, headSize);
}

/** Rows in the kind of a cache; f32 are not copied. What f16 cannot hold becomes infinite there. */
export function narrowed(kind: CacheKind, values: Float32Array<ArrayBuffer>, headSize: number): CacheRows {
  if (kind === 'f32') return { elements: values, scales: noScales };
  const rows = emptyRows(kind, values.length / headSize, headSize);
  if (rows.elements instanceof Uint16Array) kernels.toHalves(values, rows.elements);
  else if (rows.elements instanceof Int8Array) encodeRows(values, headSize, rows.elements, rows.scales);
  return rows;
}

/** Rounds each row to the nearest codes, its largest element to the largest code. */
function encodeRows(values: Float32Array, headSize: number, codes: Int8Array, scales: Float32Array): void {
  for (let row = 0; row < scales.length; row++) {
    const [from, to] = [row * headSize, (row + 1) * headSize];
    let most = 0;
    for (let i = from; i < to; i++) most = Math.max(most, Math.abs(values[i] ?? 0));
    // Smaller ones are not normal numbers, which the runtime takes as 0.
    if (most < leastSize) most = 0;
    scales[row] = most / largestCode;
    const perScale = most === 0 ? 0 : largestCode / most;
    for (let i = from; i < to; i++) codes[i] = Math.round((values[i] ?? 0) * perScale);
  }
}

/** Copies rows into others of the same kind, one behind the other. */
export function copyRows(
  from: CacheRows,
  fromRow: number,
  to: CacheRows,
  toRow: number,
  rows: number,
  headSize: number,
): void {
  to.elements.set(from.elements.subarray(fromRow * headSize, (fromRow + rows) * headSize), toRow * headSize);
  if (from.scales.length > 0) to.scales.set(from.scales.subarray(fromRow, fromRow + rows), toRow);
}

/** Copies one row. Views of rows this short take several times as long as their elements, and are garbage soon. */
export function copyRow(from: CacheRows, fromRow: number, to: CacheRows, toRow: number, headSize: number): void {
  const [source, target] = [from.elements, to.elements];
  const [first, into] = [fromRow * headSize, toRow * headSize];
  for (let i = 0; i < headSize; i++) target[into + i] = source[first + i] as number;
  if (from.scales.length > 0) to.scales[toRow] = from.scales[fromRow] as number;
}
