import { elementCount, type Tensor, tensorOf } from '@cutpoint/core';
import { type FloatType, floatTypes, fromF32, isFloat } from './floats.js';
import { typescriptKernels } from './kernels/typescript.js';

export type Shapes = readonly (readonly number[])[];

/** Shapes of ranks 0 to 5, with the empty and the smallest. */
export const anyShapes = [
  [],
  [1],
  [7],
  [0],
  [3, 0, 2],
  [5, 8],
  [2, 5, 16],
  [2, 4, 4, 4],
  [1, 3, 2, 3, 4],
  [1, 6, 3, 5],
];

/** Elements by number; those of f16 and bf16 are rounded from them. */
export const fillings: Readonly<Record<string, (i: number) => number>> = {
  random: (i) => noise(i) * 8,
  'random after ReLU': (i) => Math.max(0, noise(i) * 3),
  'with outliers': (i) => (i % 37 === 5 ? 3000 * noise(i) : noise(i)),
  constant: () => 0.1,
  zero: () => 0,
  'negative zero': () => -0,
  denormal: (i) => noise(i) * 1e-40,
  'denormal in half precision': (i) => noise(i) * 1e-6,
  'around a far mean': (i) => 1000 + noise(i) * 1e-3,
  'huge for half precision': (i) => noise(i) * 1e6,
  huge: (i) => noise(i) * 3e38,
  NaN: (i) => (i % 5 === 2 ? Number.NaN : noise(i)),
  infinite: (i) => (i % 4 === 1 ? Infinity : i % 4 === 3 ? -Infinity : noise(i)),
  'beyond f32': (i) => noise(i) * 1e300,
};

/** A tensor of each float type and shape. */
export function tensorsOf(filling: (i: number) => number, shapes: Shapes): Tensor[] {
  return floatTypes.flatMap((dtype) => shapes.map((shape) => tensorFrom(dtype, shape, filling)));
}

function tensorFrom(dtype: FloatType, shape: readonly number[], filling: (i: number) => number): Tensor {
  const numbers = Array.from({ length: elementCount(shape) }, (_, i) => filling(i));
  if (dtype === 'f64') return tensorOf(dtype, shape, Float64Array.from(numbers));
  const tensor = fromF32(Float32Array.from(numbers), { dtype, shape }, typescriptKernels);
  if (!isFloat(tensor)) throw new Error('not a float tensor');
  return tensor;
}

/** A tensor of f32 elements between -1 and 1, the same each time. */
export function randomTensor(shape: readonly number[]): Tensor {
  return tensorFrom('f32', shape, noise);
}

/** Between -1 and 1, the same for the same number. */
export function noise(i: number): number {
  const mixed = Math.imul(i + 1, 0x9e3779b1);
  const spread = Math.imul(mixed ^ (mixed >>> 15), 0x85ebca77);
  return ((spread ^ (spread >>> 13)) | 0) / 2 ** 31;
}
