import { CutpointError, type DType, elementCount, type Tensor, tensorOf, valuesOf } from '@cutpoint/core';

/**
 * A tensor from the `data` of JSON: its elements in row-major order in one list, or nested as the shape says.
 * @throws CutpointError CUT_INPUT if the elements do not fit the shape or the type, CUT_UNSUPPORTED_TYPE for 16-bit floats.
 */
export function tensorFromJson(name: string, dtype: DType, shape: readonly number[], data: readonly unknown[]): Tensor {
  const elements = flat(name, shape, data);
  const wrong = (i: number) => wrongElement(name, dtype, i, elements[i]);
  switch (dtype) {
    case 'f32':
      return tensorOf(dtype, shape, fill(new Float32Array(elements.length), elements, Number.isFinite, wrong));
    case 'f64':
      return tensorOf(dtype, shape, fill(new Float64Array(elements.length), elements, Number.isFinite, wrong));
    case 'bool':
      return tensorOf(dtype, shape, booleans(elements, wrong));
    case 'i64':
      return tensorOf(dtype, shape, longs(new BigInt64Array(elements.length), elements, wrong));
    case 'u64':
      return tensorOf(dtype, shape, longs(new BigUint64Array(elements.length), elements, wrong));
    case 'f16':
    case 'bf16':
      throw onlyBinary(name, dtype, 'Send it');
    default:
      return tensorOf(dtype, shape, fill(new integers[dtype](elements.length), elements, Number.isInteger, wrong));
  }
}

/**
 * The elements of a tensor as a JSON list, exactly: 64-bit integers with all digits.
 * @throws CutpointError CUT_INPUT for numbers that JSON does not have, CUT_UNSUPPORTED_TYPE for 16-bit floats.
 */
export function jsonOfTensor(name: string, tensor: Tensor): string {
  if (tensor.dtype === 'f16' || tensor.dtype === 'bf16') throw onlyBinary(name, tensor.dtype, 'Ask for it');
  const values = valuesOf(tensor);
  if (tensor.dtype === 'bool') return `[${Array.from(values as Uint8Array, Boolean).join(',')}]`;
  if ((values instanceof Float32Array || values instanceof Float64Array) && !values.every(Number.isFinite)) {
    const message = `The output "${name}" holds infinity or NaN, which JSON does not have: ask for it as binary data.`;
    throw new CutpointError('CUT_INPUT', message);
  }
  return `[${values.join(',')}]`;
}

const integers = {
  i8: Int8Array,
  i16: Int16Array,
  i32: Int32Array,
  u8: Uint8Array,
  u16: Uint16Array,
  u32: Uint32Array,
} as const;

type Numbers = InstanceType<(typeof integers)[keyof typeof integers]> | Float32Array | Float64Array;

/** An element that overflows is not what it was before; one that is only rounded (f32) is finite before and after. */
function fill<A extends Numbers>(
  array: A,
  elements: readonly unknown[],
  isOne: (value: number) => boolean,
  wrong: (i: number) => CutpointError,
): A {
  const rounds = array instanceof Float32Array;
  for (let i = 0; i < array.length; i++) {
    const value = elements[i];
    if (typeof value !== 'number' || !isOne(value)) throw wrong(i);
    array[i] = value;
    if (rounds ? !Number.isFinite(array[i]) : array[i] !== value) throw wrong(i);
  }
  return array;
}

function booleans(elements: readonly unknown[], wrong: (i: number) => CutpointError): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(elements, (value, i) => {
    if (typeof value !== 'boolean') throw wrong(i);
    return value ? 1 : 0;
  });
}

/** Beyond 2^53 a JSON number is not what its sender wrote any more. */
function longs<A extends BigInt64Array<ArrayBuffer> | BigUint64Array<ArrayBuffer>>(
  array: A,
  elements: readonly unknown[],
  wrong: (i: number) => CutpointError,
): A {
  for (let i = 0; i < array.length; i++) {
    const value = elements[i];
    if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw wrong(i);
    array[i] = BigInt(value);
    if (array[i] !== BigInt(value)) throw wrong(i);
  }
  return array;
}

function flat(name: string, shape: readonly number[], data: readonly unknown[]): readonly unknown[] {
  const count = elementCount(shape);
  const nested = shape.length > 1 && data.some(Array.isArray);
  const elements = nested ? unnested(name, shape, data) : data;
  if (elements.length === count) return elements;
  throw new CutpointError(
    'CUT_INPUT',
    `${wrongShape(name, shape)} ${count} elements, but ${elements.length} were given.`,
  );
}

function unnested(name: string, shape: readonly number[], data: readonly unknown[]): readonly unknown[] {
  let level: readonly unknown[] = data;
  for (const [depth, size] of shape.entries()) {
    if (depth === 0) {
      if (level.length !== size) throw wrongNesting(name, shape, depth);
      continue;
    }
    const next: unknown[] = [];
    for (const row of level) {
      if (!Array.isArray(row) || row.length !== size) throw wrongNesting(name, shape, depth);
      for (const value of row) next.push(value);
    }
    level = next;
  }
  return level;
}

function wrongShape(name: string, shape: readonly number[]): string {
  return `The input "${name}" of shape [${shape.join(', ')}] takes`;
}

function wrongNesting(name: string, shape: readonly number[], depth: number): CutpointError {
  const message = `${wrongShape(name, shape)} one list of its elements, or lists nested as its shape: at depth ${depth} there is something else.`;
  return new CutpointError('CUT_INPUT', message);
}

function wrongElement(name: string, dtype: DType, i: number, value: unknown): CutpointError {
  const given = (JSON.stringify(value) ?? 'nothing').slice(0, 40);
  const long =
    dtype === 'i64' || dtype === 'u64' ? ' that JSON keeps exactly (below 2^53; binary data has no such limit)' : '';
  const message = `Element ${i} of the input "${name}" is ${given}, which is no ${dtype}${long}.`;
  return new CutpointError('CUT_INPUT', message);
}

function onlyBinary(name: string, dtype: DType, how: string): CutpointError {
  const message = `"${name}" is ${dtype}, for which the protocol has no JSON form. ${how} as binary data.`;
  return new CutpointError('CUT_UNSUPPORTED_TYPE', message);
}
