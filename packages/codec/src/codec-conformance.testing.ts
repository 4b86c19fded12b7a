import { elementCount, type Tensor, tensorOf, valuesOf } from '@cutpoint/core';
import { expect, it } from 'vitest';
import type { Codec, ErrorBound } from './codec.js';
import { typescriptKernels } from './kernels/typescript.js';
import { anyShapes, fillings, noise, randomTensor, type Shapes, tensorsOf } from './tensors.testing.js';

const limits = { maxElements: 1 << 16 };

/**
 * Holds a codec to what `Codec` promises, on tensors of all float types, ranks and kinds of content.
 * @param shapes that the codec carries; the last one is not empty.
 */
export function itIsACodec(open: () => Codec, shapes: Shapes = anyShapes): void {
  const codec = open();
  const usual = shapes.at(-1) ?? [];

  for (const [name, filling] of Object.entries(fillings)) {
    it(`${codec.spec} carries tensors that are ${name} within its bound, or refuses them`, () => {
      for (const tensor of tensorsOf(filling, shapes)) carry(codec, tensor);
    });
  }

  it(`${codec.spec} carries small random numbers of every type and shape`, () => {
    for (const tensor of tensorsOf((i) => noise(i), shapes)) expect(carry(codec, tensor)).toBe(true);
  });

  it(`${codec.spec} gives the same bytes again, also for elements that are not aligned`, () => {
    for (const tensor of tensorsOf((i) => noise(i), shapes)) {
      const bytes = new Uint8Array(tensor.data.length + 1);
      bytes.set(tensor.data, 1);
      const shifted = { ...tensor, data: bytes.subarray(1) };
      const payload = codec.encode(tensor);
      expect(open().encode(shifted)).toEqual(payload);
      expect(codec.encode(codec.decode(payload, limits)).length).toBeGreaterThan(0);
    }
  });

  it(`${codec.spec} refuses payloads that were changed, cut short or lengthened`, () => {
    const payload = codec.encode(randomTensor(usual));
    const refused = expect.objectContaining({ code: 'CUT_CODEC_PAYLOAD' });
    for (let at = 0; at < payload.length; at++) {
      const changed = payload.slice();
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      expect(() => codec.decode(changed, limits)).toThrow(refused);
      expect(() => codec.decode(payload.subarray(0, at), limits)).toThrow(refused);
    }
    expect(() => codec.decode(Uint8Array.of(...payload, 0), limits)).toThrow(refused);
  });

  it(`${codec.spec} refuses what has more elements than the limit`, () => {
    const payload = codec.encode(randomTensor(usual));
    const elements = elementCount(usual);
    expect(codec.decode(payload, { maxElements: elements }).shape).toEqual(usual);
    expect(() => codec.decode(payload, { maxElements: elements - 1 })).toThrow(`limit of ${elements - 1}`);
  });

  it(`${codec.spec} refuses tensors of whole numbers`, () => {
    const tensor = tensorOf('i32', [2], Int32Array.of(1, 2));
    const refused = expect.objectContaining({ code: 'CUT_CODEC' });
    expect(() => codec.encode(tensor)).toThrow(refused);
    expect(() => codec.bound(tensor)).toThrow(refused);
  });
}

/** Holds a codec to its bound on a tensor. @returns false if the codec refused it, as it may what it cannot carry */
export function carry(codec: Codec, tensor: Tensor): boolean {
  let payload: Uint8Array;
  try {
    payload = codec.encode(tensor);
  } catch (thrown) {
    expect(thrown).toMatchObject({ code: 'CUT_CODEC' });
    return false;
  }
  const decoded = codec.decode(payload, { maxElements: elementCount(tensor.shape) });
  expect({ dtype: decoded.dtype, shape: decoded.shape }).toEqual({ dtype: tensor.dtype, shape: tensor.shape });
  expect(decoded.data.length).toBe(tensor.data.length);
  expectWithin(codec.bound(tensor), tensor, decoded);
  return true;
}

function expectWithin(bound: ErrorBound, tensor: Tensor, decoded: Tensor): void {
  if (bound.kind === 'exact') {
    expect(decoded.data).toEqual(tensor.data);
    return;
  }
  const before = numbersOf(tensor);
  const after = numbersOf(decoded);
  let squares = 0;
  for (let i = 0; i < before.length; i++) {
    const [x = 0, y = 0] = [before[i], after[i]];
    if (Number.isFinite(x)) {
      const error = Math.abs(x - y);
      squares += error * error;
      const most: number = bound.kind === 'element' ? (bound.most[i] ?? 0) : bound.most;
      if (!(error <= most)) expect.fail(`element ${i} was ${x} and is ${y}: off by more than ${most}`);
    } else if (!Object.is(x, y)) expect.fail(`element ${i} was ${x} and is ${y}`);
  }
  if (bound.kind === 'norm') expect(Math.sqrt(squares)).toBeLessThanOrEqual(bound.most);
}

function numbersOf(tensor: Tensor): ArrayLike<number> {
  const { dtype } = tensor;
  if (dtype === 'f32' || dtype === 'f64') return valuesOf(tensor) as Float32Array | Float64Array;
  const bits = valuesOf(tensor) as Uint16Array;
  const numbers = new Float32Array(bits.length);
  if (dtype === 'f16') typescriptKernels.fromHalves(bits, numbers);
  else typescriptKernels.fromBfloats(bits, numbers);
  return numbers;
}
