import { describeType } from '@cutpoint/core';

/** Types of tensors as a person reads them: `f32[1, 64, 24, 202] + i64[2]`, equal ones counted: `2 x f32[1, 8]`. */
export function describeTensors(
  tensors: readonly { readonly dtype: string; readonly shape: readonly number[] }[],
): string {
  const counts = new Map<string, number>();
  for (const { dtype, shape } of tensors) {
    const type = describeType(dtype, shape);
    counts.set(type, (counts.get(type) ?? 0) + 1);
  }
  return [...counts].map(([type, count]) => (count === 1 ? type : `${count} x ${type}`)).join(' + ');
}
