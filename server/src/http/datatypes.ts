import { CutpointError, type DType } from '@cutpoint/core';

/** The protocol's names of element types. BYTES, which is text, is not among them: no model here takes or gives text. */
const datatypes = {
  BOOL: 'bool',
  UINT8: 'u8',
  UINT16: 'u16',
  UINT32: 'u32',
  UINT64: 'u64',
  INT8: 'i8',
  INT16: 'i16',
  INT32: 'i32',
  INT64: 'i64',
  FP16: 'f16',
  BF16: 'bf16',
  FP32: 'f32',
  FP64: 'f64',
} as const satisfies Record<string, DType>;

const names = new Map(Object.entries(datatypes).map(([name, dtype]) => [dtype, name]));

/** @throws CutpointError CUT_UNSUPPORTED_TYPE */
export function dtypeOfName(name: string): DType {
  if (Object.hasOwn(datatypes, name)) return datatypes[name as keyof typeof datatypes];
  const help = `The datatypes are ${Object.keys(datatypes).join(', ')}`;
  const message =
    name === 'BYTES' ? `BYTES (text) cannot be sent to a model. ${help}.` : `"${name}" is no datatype. ${help}.`;
  throw new CutpointError('CUT_UNSUPPORTED_TYPE', message);
}

export function nameOfDtype(dtype: DType): string {
  return names.get(dtype) ?? dtype;
}
