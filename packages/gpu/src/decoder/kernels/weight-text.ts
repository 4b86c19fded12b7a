import type { MatrixForm } from '../decoder-weights.js';

/** How a kernel reads weights: in chunks of columns. */
export interface WeightText {
  readonly columnsPerChunk: number;
  /** Instructions that make a chunk numbers, and what is read for it. */
  readonly chunkInstructions: number;
  readonly chunkBytes: number;
  /** Bindings that a matrix of this form has. */
  readonly storage: readonly (readonly [name: string, access: 'read', type: string])[];
  /** A function `weights(row, chunk)` that gives the numbers of a chunk; beyond the last column they may be anything. */
  readonly declarations: string;
}

/** Nothing is unpacked beforehand: weights lie on the GPU as they lie in a package. */
export function weightText(form: MatrixForm): WeightText {
  return form.kind === 'float' ? floatText(form) : blockText(form);
}

function floatText({ dtype, columns }: MatrixForm & { kind: 'float' }): WeightText {
  const columnsPerChunk = 4;
  const read =
    dtype === 'f32'
      ? Array.from({ length: 4 }, (_, i) => `bitcast<f32>(matrix[first + ${i}u])`).join(', ')
      : 'unpack2x16float(matrix[first / 2u]), unpack2x16float(matrix[first / 2u + 1u])';
  const declarations = `
fn weights(row: u32, chunk: u32) -> array<f32, 4> {
  let first = row * ${columns}u + chunk * 4u;
  ${dtype === 'f32' ? `return array<f32, 4>(${read});` : `let both = vec4f(${read});\n  return array<f32, 4>(both.x, both.y, both.z, both.w);`}
}`;
  const cost = dtype === 'f32' ? { chunkInstructions: 0, chunkBytes: 16 } : { chunkInstructions: 2, chunkBytes: 8 };
  return { columnsPerChunk, ...cost, storage: [['matrix', 'read', 'array<u32>']], declarations };
}

function blockText({ bits, block, columns, zeroPoints }: MatrixForm & { kind: 'blocks' }): WeightText {
  const columnsPerChunk = 32 / bits;
  const blocks = Math.ceil(columns / block);
  const rowWords = (blocks * block) / columnsPerChunk;
  const zeroBytes = Math.ceil((blocks * bits) / 8);
  const mask = 2 ** bits - 1;
  const zero = zeroPoints
    ? `
  let zeroAt = row * ${zeroBytes}u + (own * ${bits}u) / 8u;
  let zeroByte = zeroPoints[zeroAt / 4u] >> (8u * (zeroAt % 4u));
  let zero = f32((zeroByte >> ((own * ${bits}u) % 8u)) & ${mask}u);`
    : `
  let zero = ${2 ** (bits - 1)}.0;`;
  const number = (i: number) => `scale * (f32((word >> ${i * bits}u) & ${mask}u) - zero)`;
  const declarations = `
fn weights(row: u32, chunk: u32) -> array<f32, ${columnsPerChunk}> {
  let word = matrix[row * ${rowWords}u + chunk];
  let own = (chunk * ${columnsPerChunk}u) / ${block}u;
  let scale = scales[row * ${blocks}u + own];${zero}
  return array<f32, ${columnsPerChunk}>(${Array.from({ length: columnsPerChunk }, (_, i) => number(i)).join(', ')});
}`;
  const storage = [['matrix', 'read', 'array<u32>'] as const, ['scales', 'read', 'array<f32>'] as const];
  const zeros = zeroPoints ? [['zeroPoints', 'read', 'array<u32>'] as const] : [];
  // A number: shift (but for the first), mask, conversion, difference, product; a zero point: two shifts, mask, conversion.
  const chunkInstructions = 5 * columnsPerChunk - 1 + (zeroPoints ? 4 : 0);
  const chunkBytes = 8 + (zeroPoints ? 4 : 0);
  return { columnsPerChunk, chunkInstructions, chunkBytes, storage: [...storage, ...zeros], declarations };
}
