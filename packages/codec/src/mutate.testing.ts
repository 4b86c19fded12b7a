import { elementCount, f32Values, type Tensor, tensorOf } from '@cutpoint/core';
import { describe, expect, it } from 'vitest';
import type { CodecStream, DecodeLimits } from './codec.js';
import { anyShapes, mutantOf, originals, randomFrom, type Shapes } from './mutations.testing.js';

/** Mutations of each codec's payloads. */
const mutations = 200_000;
const limits: DecodeLimits = { maxElements: 256 };

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
        const resealed = i % 2 === 0;
        const bytes = mutantOf(payloads, random, resealed);
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
