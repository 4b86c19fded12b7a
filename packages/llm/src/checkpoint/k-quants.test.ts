import { describe, expect, it } from 'vitest';
import type { CheckpointTensor } from './checkpoint.js';
import { readFloats } from './decode-rows.js';
import { encodings, type TensorEncoding } from './tensor-encoding.js';

/** Blocks of bytes from a linear congruential generator, with scales of 0.25, 0.5, ... where f16 would else be anything. */
function blocksOf(encoding: TensorEncoding, blocks: number, halves: readonly number[]): Uint8Array<ArrayBuffer> {
  const size = encodings[encoding].bytes;
  let state = 1;
  const bytes = Uint8Array.from({ length: blocks * size }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state >>> 16;
  });
  const view = new DataView(bytes.buffer);
  for (let block = 0; block < blocks; block++) {
    for (const [i, at] of halves.entries()) {
      const value = 0.25 * (block + 1) * (i === 0 ? 1 : -0.5);
      view.setUint16(block * size + at, halfOf(value), true);
    }
  }
  return bytes;
}

function halfOf(value: number): number {
  const word = new DataView(new ArrayBuffer(4));
  word.setFloat32(0, value);
  const bits = word.getUint32(0);
  return ((bits >>> 16) & 0x8000) | ((((bits >>> 23) & 255) - 112) << 10) | ((bits >>> 13) & 1023);
}

describe('blocks of ggml', () => {
  // What gguf-py 0.19's `dequantize` makes of the same bytes: the first five, the last five, all weighted by their place.
  it.each([
    ['q4_0', 4, [0], [-1.75, 0.75, 0.75, 0.75, -1.5], [-4, -8, 7, 3, 2], 2144],
    ['q8_0', 4, [0], [-31.75, 26.75, 18.75, -1.25, -7.5], [22, -6, -120, 116, -11], -29_871.25],
    ['q4_k', 3, [0, 2], [5.25, 43.75, 5.25, 41, 19], [28.125, 32.625, 59.625, 68.625, 28.125], 30_749_180.5],
    ['q5_k', 3, [0, 2], [74, 52, 71.25, 24.5, 35.5], [365.25, 8.25, 33.75, 378, 365.25], 93_189_875],
    ['q6_k', 3, [208], [-144, 48, 360, -264, -264], [-693, 396, 569.25, -668.25, 99], -14_014_200],
  ] as const)('%s are read as others read them', async (encoding, blocks, halves, first, last, weighted) => {
    const bytes = blocksOf(encoding, blocks, halves);
    const columns = blocks * encodings[encoding].elements;
    const readRows = async () => bytes;
    const tensor: CheckpointTensor = { name: 'blocks', encoding, rows: 1, columns, plus: 0, readRows };
    const values = await readFloats(tensor, 0, 1);
    expect([...values.subarray(0, 5)]).toEqual(first);
    expect([...values.subarray(-5)]).toEqual(last);
    expect(values.reduce((sum, value, i) => sum + value * (i + 1), 0)).toBe(weighted);
  });
});
