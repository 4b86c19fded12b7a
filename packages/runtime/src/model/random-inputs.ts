import { bytesPerElement, type DType, elementCount, type NamedTensors, type Tensor } from '@cutpoint/core';
import type { ConcreteInput } from './input-types.js';

/** Random numbers in [0, 1) from a seed: mulberry32 (Tommy Ettinger, public domain), enough for test inputs. */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Random inputs that respect element types: floats in [-1, 1), 8- and 16-bit integers over their range, wider integers
 * 0 or 1 (they are usually indices, masks or lengths), booleans either. The same seed gives the same inputs.
 */
export function randomInputs(inputs: readonly ConcreteInput[], seed = 1): NamedTensors {
  const random = seededRandom(seed);
  return new Map(inputs.map(({ name, dtype, shape }) => [name, randomTensor(dtype, shape, random)]));
}

function randomTensor(dtype: DType, shape: readonly number[], random: () => number): Tensor {
  const size = bytesPerElement[dtype];
  const data = new Uint8Array(elementCount(shape) * size);
  const view = new DataView(data.buffer);
  const write = writers[dtype];
  for (let offset = 0; offset < data.byteLength; offset += size) write(view, offset, random);
  return { dtype, shape, data };
}

type Writer = (view: DataView, offset: number, random: () => number) => void;

/** Bits of a float in [-1, 1) with the sign, some exponent below 1 and a random mantissa. */
function smallFloatBits(random: () => number, mantissaBits: number, bias: number): number {
  const sign = random() < 0.5 ? 0x8000 : 0;
  const exponent = bias - 1 - Math.floor(random() * 4);
  return sign | (exponent << mantissaBits) | Math.floor(random() * 2 ** mantissaBits);
}

const bit = (random: () => number) => (random() < 0.5 ? 0 : 1);

const writers: Record<DType, Writer> = {
  f32: (view, offset, random) => view.setFloat32(offset, random() * 2 - 1, true),
  f64: (view, offset, random) => view.setFloat64(offset, random() * 2 - 1, true),
  f16: (view, offset, random) => view.setUint16(offset, smallFloatBits(random, 10, 15), true),
  bf16: (view, offset, random) => view.setUint16(offset, smallFloatBits(random, 7, 127), true),
  i8: (view, offset, random) => view.setInt8(offset, Math.floor(random() * 256) - 128),
  u8: (view, offset, random) => view.setUint8(offset, Math.floor(random() * 256)),
  i16: (view, offset, random) => view.setInt16(offset, Math.floor(random() * 65536) - 32768, true),
  u16: (view, offset, random) => view.setUint16(offset, Math.floor(random() * 65536), true),
  i32: (view, offset, random) => view.setInt32(offset, bit(random), true),
  u32: (view, offset, random) => view.setUint32(offset, bit(random), true),
  i64: (view, offset, random) => view.setBigInt64(offset, BigInt(bit(random)), true),
  u64: (view, offset, random) => view.setBigUint64(offset, BigInt(bit(random)), true),
  bool: (view, offset, random) => view.setUint8(offset, bit(random)),
};
