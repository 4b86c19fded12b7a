import { elementCount, type Tensor, tensorOf } from '@cutpoint/core';
import { checksum } from './kernels/checksum.js';

/** A whole number from 0 to below its argument. */
export type Random = (below: number) => number;

/** Numbers from 0 to 2^32 - 1, the same each time for a seed (Marsaglia's xorshift, 2003). */
export function randomFrom(seed: number): Random {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

export type Shapes = readonly (readonly number[])[];

/** Shapes of tensors whose payloads are mutated: small, so that a mutation has something to hit. */
export const anyShapes = [[10], [24], [3, 8], [1, 3, 2, 4], [2, 0], [], [2, 6]];

/** Tensors whose payloads are mutated. */
export function originals(random: Random, shapes: Shapes): Tensor[] {
  const [first = []] = shapes;
  const last = shapes.at(-1) ?? [];
  const noise = (shape: readonly number[]) =>
    Array.from({ length: elementCount(shape) }, () => (random(4) === 0 ? 0 : random(2000) / 100 - 10));
  return [
    ...shapes.map((shape) => tensorOf('f32', shape, Float32Array.from(noise(shape)))),
    tensorOf('f64', last, Float64Array.from(noise(last))),
    tensorOf(
      'f16',
      first,
      Uint16Array.from({ length: elementCount(first) }, () => random(0x7c00)),
    ),
  ];
}

type Mutation = (bytes: Uint8Array, random: Random, other: Uint8Array) => Uint8Array;

const kinds: readonly Mutation[] = [
  (bytes, random) => changed(bytes, random(bytes.length), (byte) => byte ^ (1 << random(8))),
  (bytes, random) => changed(bytes, random(bytes.length), () => random(256)),
  (bytes, random) => changed(bytes, random(Math.min(8, bytes.length)), () => [0, 1, 0x7f, 0x80, 0xff][random(5)] ?? 0),
  (bytes, random) => bytes.slice(0, random(bytes.length)),
  (bytes, random) =>
    joined(
      bytes,
      Uint8Array.from({ length: 1 + random(4) }, () => random(256)),
    ),
  (bytes, random, other) => joined(bytes.slice(0, random(bytes.length)), other.slice(random(other.length))),
  (bytes, random) => {
    const at = random(bytes.length);
    return joined(bytes.slice(0, at), bytes.slice(at + 1 + random(3)));
  },
];

function changed(bytes: Uint8Array, at: number, to: (byte: number) => number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = to(copy[at] ?? 0);
  return copy;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(a.length + b.length);
  bytes.set(a);
  bytes.set(b, a.length);
  return bytes;
}

/** The payload with its last four bytes made right again, so that what they protect is reached. */
function sealed(bytes: Uint8Array): Uint8Array {
  const body = bytes.subarray(0, Math.max(0, bytes.length - 4));
  const sum = new Uint8Array(4);
  new DataView(sum.buffer).setUint32(0, checksum(body), true);
  return joined(body, sum);
}

/** A changed payload; with `resealed` its checksum is made right again. */
export function mutantOf(payloads: readonly Uint8Array[], random: Random, resealed: boolean): Uint8Array {
  const pick = () => payloads[random(payloads.length)] ?? new Uint8Array(0);
  const original = pick();
  let bytes = kinds[random(kinds.length)]?.(original, random, pick()) ?? original;
  if (random(3) === 0) bytes = kinds[random(3)]?.(bytes.length === 0 ? original : bytes, random, original) ?? bytes;
  return resealed ? sealed(bytes) : bytes;
}
