import type { MatrixBytes, MatrixForm } from './decoder-weights.js';

export interface Sample {
  readonly matrix: MatrixBytes;
  /** The same numbers, [outputs, columns]. */
  readonly numbers: Float64Array;
}

const none = new Uint8Array(0);

/** A matrix as packages have it, and the numbers that it holds. */
export function sampleOf(form: MatrixForm, random: () => number): Sample {
  return form.kind === 'float' ? floatSample(form, random) : blockSample(form, random);
}

function floatSample(form: MatrixForm & { kind: 'float' }, random: () => number): Sample {
  const { rows, columns } = form;
  // Eighths are exact in both widths.
  const numbers = Float64Array.from({ length: rows * columns }, () => Math.floor(random() * 64 - 32) / 8);
  const values = form.dtype === 'f32' ? new Uint8Array(Float32Array.from(numbers).buffer) : halves(numbers);
  return { matrix: { form, values, scales: none, zeroPoints: none }, numbers };
}

/** Binary16 of small multiples of an eighth. */
function halves(numbers: Float64Array): Uint8Array {
  const half = (value: number) => {
    if (value === 0) return 0;
    const exponent = Math.floor(Math.log2(Math.abs(value)));
    const fraction = (Math.abs(value) / 2 ** exponent - 1) * 1024;
    return (value < 0 ? 0x8000 : 0) | ((exponent + 15) << 10) | fraction;
  };
  return new Uint8Array(Uint16Array.from(numbers, half).buffer);
}

function blockSample(form: MatrixForm & { kind: 'blocks' }, random: () => number): Sample {
  const { bits, block, zeroPoints, rows, columns } = form;
  const perRow = Math.ceil(columns / block);
  const code = () => Math.floor(random() * 2 ** bits);
  const codes = Array.from({ length: rows * perRow * block }, code);
  const zeros = Array.from({ length: rows * perRow }, () => (zeroPoints ? code() : 2 ** (bits - 1)));
  const scales = Float32Array.from({ length: rows * perRow }, () => 0.1 + random());
  const numbers = Float64Array.from({ length: rows * columns }, (_, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    const own = row * perRow + Math.floor(column / block);
    return (scales[own] ?? 0) * ((codes[row * perRow * block + column] ?? 0) - (zeros[own] ?? 0));
  });
  const matrix = {
    form,
    values: packed(codes, bits, perRow * block),
    scales: new Uint8Array(scales.buffer),
    zeroPoints: zeroPoints ? packed(zeros, bits, perRow) : none,
  };
  return { matrix, numbers };
}

/** Codes of a row side by side, the lower bits first; rows begin at bytes. */
function packed(codes: readonly number[], bits: number, perRow: number): Uint8Array {
  const rowBytes = Math.ceil((perRow * bits) / 8);
  const bytes = new Uint8Array((codes.length / perRow) * rowBytes);
  for (const [i, code] of codes.entries()) {
    const bit = (i % perRow) * bits;
    const at = Math.floor(i / perRow) * rowBytes + (bit >> 3);
    bytes[at] = (bytes[at] ?? 0) | (code << (bit % 8));
  }
  return bytes;
}
