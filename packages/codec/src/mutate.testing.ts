import { elementCount, f32Values, type Tensor, tensorOf } from '@cutpoint/core';
import { describe, expect, it } from 'vitest';
import type { CodecStream, DecodeLimits } from './codec.js';
import { checksum } from './kernels/checksum.js';

/** Mutations of each codec's payloads. */
const mutations = 200_000;
const limits: DecodeLimits = { maxElements: 256 };

/** Numbers from 0 to 2^32 - 1, the same each time for a seed (Marsaglia's xorshift, 2003). */
function randomFrom(seed: number): (below: number) => number {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

type Shapes = readonly (readonly number[])[];

/** Shapes of tensors whose payloads are mutated: small, so that a mutation has something to hit. */
const anyShapes = [[10], [24], [3, 8], [1, 3, 2, 4], [2, 0], [], [2, 6]];

function originals(random: (below: number) => number, shapes: Shapes): Tensor[] {
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

type Mutation = (bytes: Uint8Array, random: (below: number) => number, other: Uint8Array) => Uint8Array;

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

/**
 * Mutates payloads. A mutation that leaves the checksum wrong has to be refused; one whose checksum was made right may also
 * give a tensor, of a size within the limit, and of finite elements if the codec carries no others (`finite`). No other error, and nothing without end.
 * Payloads of `transform` have no checksum, but a state that they have to end with: to them a made checksum is one more change.
 * @param shapes that the codec carries.
 */
export function itWithstandsMutations(
  spec: string,
  open: () => CodecStream,
  finite = false,
  shapes: Shapes = anyShapes,
): void {
  describe(spec, () => {
    it(`withstands ${mutations} mutations of its payloads`, { timeout: 240_000 }, () => {
      const random = randomFrom(spec.length * 7919);
      const codec = open();
      const payloads = originals(random, shapes).map((tensor) => codec.encode(tensor));
      let refused = 0;
      for (let i = 0; i < mutations; i++) {
        const pick = () => payloads[random(payloads.length)] ?? new Uint8Array(0);
        const original = pick();
        let bytes = kinds[random(kinds.length)]?.(original, random, pick()) ?? original;
        if (random(3) === 0)
          bytes = kinds[random(3)]?.(bytes.length === 0 ? original : bytes, random, original) ?? bytes;
        const resealed = i % 2 === 0;
        if (resealed) bytes = sealed(bytes);
        if (!survives(codec, bytes, finite)) refused++;
        else if (!resealed && !payloads.some((payload) => same(payload, bytes))) {
          expect.fail(`a changed payload was taken for what was sent: ${bytes}`);
        }
      }
      // About a tenth of the changes undo themselves or hit a number, which decodes to another.
      expect(refused).toBeGreaterThan(mutations / 2);
    });
  });
}

/** True if a tensor came of the bytes, false if they were refused as they should be. */
function survives(codec: CodecStream, bytes: Uint8Array, finite: boolean): boolean {
  let tensor: Tensor;
  try {
    tensor = codec.decode(bytes, limits);
  } catch (thrown) {
    const code = (thrown as { code?: unknown }).code;
    if (code === 'CUT_CODEC_PAYLOAD' || code === 'CUT_CODEC_SYNC') return false;
    throw new Error(`${bytes} gave another error than it should`, { cause: thrown });
  }
  const elements = elementCount(tensor.shape);
  if (elements > limits.maxElements) expect.fail(`${bytes} gave ${elements} elements`);
  tensorOf(tensor.dtype, tensor.shape, tensor.data);
  if (finite && tensor.dtype === 'f32' && !f32Values(tensor).every(Number.isFinite)) {
    expect.fail(`${bytes} gave what is not finite`);
  }
  return true;
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
