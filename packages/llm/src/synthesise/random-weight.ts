import { openKernels } from '@cutpoint/codec';
import type { MatrixWidth } from '../checkpoint/widths.js';
import type { BlockBits } from '../package/package-manifest.js';
import { bytesOf, type WeightContent, type WeightForm, type WeightPiece } from '../package/weight-content.js';

/** Elements that are made at a time. */
const batchElements = 1 << 22;

const kernels = openKernels();
const none = new Uint8Array(0);

/**
 * A matrix of random weights with mean about 0 and standard deviation `1 / sqrt(columns)`, so that activations keep their
 * size. The same seed gives the same bytes.
 */
export function randomMatrix(rows: number, columns: number, width: MatrixWidth, seed: number): WeightContent {
  const form: WeightForm =
    width.kind === 'float'
      ? { kind: 'float', dtype: width.dtype, shape: [rows, columns] }
      : { kind: 'blocks', bits: width.bits, block: width.block, rows, columns, zeroPoints: width.zeroPoints };
  return { form, pieces: () => pieces(form, rows, columns, seed) };
}

/** A norm's weights: all 1. */
export function ones(size: number): WeightContent {
  const values = new Uint8Array(new Float32Array(size).fill(1).buffer);
  return {
    form: { kind: 'float', dtype: 'f32', shape: [size] },
    pieces: () => [{ values, scales: none, zeroPoints: none }],
  };
}

function* pieces(form: WeightForm, rows: number, columns: number, seed: number): Generator<WeightPiece> {
  const random = new Xorshift(seed);
  const batch = Math.max(1, Math.floor(batchElements / columns));
  for (let first = 0; first < rows; first += batch) {
    const count = Math.min(batch, rows - first);
    yield form.kind === 'float'
      ? { values: floats(random, count * columns, columns, form.dtype), scales: none, zeroPoints: none }
      : blocks(random, { ...form, rows: count });
  }
}

function floats(random: Xorshift, count: number, columns: number, dtype: 'f32' | 'f16'): Uint8Array {
  const words = new Int32Array(count);
  random.fill(words);
  // Uniform in [-sqrt(3), sqrt(3)] times the standard deviation.
  const scale = Math.sqrt(3 / columns) / 2 ** 31;
  const values = Float32Array.from(words, (word) => word * scale);
  if (dtype === 'f32') return new Uint8Array(values.buffer);
  const halves = new Uint16Array(count);
  kernels.toHalves(values, halves);
  return new Uint8Array(halves.buffer);
}

function blocks(random: Xorshift, form: Extract<WeightForm, { kind: 'blocks' }>): WeightPiece {
  const bytes = bytesOf(form);
  const words = new Int32Array(Math.ceil(bytes.values / 4));
  random.fill(words);
  const codes = 2 ** form.bits;
  // Of codes that are all as likely.
  const deviation = Math.sqrt((codes * codes - 1) / 12);
  const scales = new Float32Array(bytes.scales / 4).fill(1 / (deviation * Math.sqrt(form.columns)));
  return {
    values: new Uint8Array(words.buffer, 0, bytes.values),
    scales: new Uint8Array(scales.buffer),
    zeroPoints: new Uint8Array(bytes.zeroPoints).fill(middles[form.bits]),
  };
}

/** A byte of zero points in the middle of their range. */
const middles: Readonly<Record<BlockBits, number>> = { 2: 0b10101010, 4: 0x88, 8: 0x80 };

/** Marsaglia's xorshift generator of 32 bits: fast, and good enough for weights that nobody reads. */
class Xorshift {
  #state: number;

  constructor(seed: number) {
    // Spreads neighbouring seeds; 0 is the one state that never changes.
    this.#state = Math.imul(seed + 1, 0x9e3779b9) | 1;
  }

  fill(words: Int32Array): void {
    let state = this.#state;
    for (let i = 0; i < words.length; i++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      words[i] = state;
    }
    this.#state = state;
  }
}
