import { bytesPerElement, CutpointError, type DType } from '@cutpoint/core';

/** The type character and size of each element type that NumPy has; bf16 has none. */
const numpyTypes = {
  f16: 'f2',
  f32: 'f4',
  f64: 'f8',
  i8: 'i1',
  u8: 'u1',
  i16: 'i2',
  u16: 'u2',
  i32: 'i4',
  u32: 'u4',
  i64: 'i8',
  u64: 'u8',
  bool: 'b1',
} as const satisfies Partial<Record<DType, string>>;

const dtypes = new Map<string, DType>(Object.entries(numpyTypes).map(([dtype, text]) => [text, dtype as DType]));

/** NumPy's description of an element type, e.g. `<f4`. @throws CutpointError CUT_UNSUPPORTED_TYPE for bf16. */
export function descrOf(dtype: DType): string {
  if (dtype === 'bf16') throw new CutpointError('CUT_UNSUPPORTED_TYPE', 'A .npy file cannot hold bf16 elements.');
  return (bytesPerElement[dtype] === 1 ? '|' : '<') + numpyTypes[dtype];
}

/**
 * The element type that a description such as `<f4` names, and whether its bytes must be reversed.
 * @throws CutpointError CUT_UNSUPPORTED_TYPE for strings, objects, complex numbers, records and the like.
 */
export function parseDescr(descr: string): { dtype: DType; bigEndian: boolean } {
  const [, order, type] = /^([<>|=])(\w+)$/.exec(descr) ?? [];
  const dtype = dtypes.get(type ?? '');
  if (dtype === undefined) {
    const known = [...dtypes.keys()].join(', ');
    throw new CutpointError('CUT_UNSUPPORTED_TYPE', `The element type ${descr} cannot be used; NumPy's ${known} can.`);
  }
  return { dtype, bigEndian: order === '>' && bytesPerElement[dtype] > 1 };
}
