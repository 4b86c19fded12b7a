import type { FileSpan, StoredWeight } from './package-manifest.js';
import { bytesOf, type WeightForm } from './weight-content.js';

/** Spans begin at multiples of this many bytes: a cache line, and more than any element needs. */
export const spanAlignment = 64;

/** Where the weights of one file lie, and how long it is. */
export interface PartLayout {
  readonly weights: Readonly<Record<string, StoredWeight>>;
  readonly bytes: number;
}

/** Puts weights one behind the other: values, scales, zero points. */
export function layOut(forms: readonly (readonly [name: string, form: WeightForm])[]): PartLayout {
  const weights: Record<string, StoredWeight> = {};
  let end = 0;
  const place = (bytes: number): FileSpan => {
    const offset = Math.ceil(end / spanAlignment) * spanAlignment;
    end = offset + bytes;
    return { offset, bytes };
  };
  for (const [name, form] of forms) {
    const bytes = bytesOf(form);
    const values = place(bytes.values);
    if (form.kind === 'float') {
      weights[name] = { kind: 'float', dtype: form.dtype, shape: form.shape, span: values };
      continue;
    }
    const scales = place(bytes.scales);
    const zeroPoints = form.zeroPoints ? place(bytes.zeroPoints) : null;
    const { bits, block, rows, columns } = form;
    weights[name] = { kind: 'blocks', bits, block, rows, columns, codes: values, scales, zeroPoints };
  }
  return { weights, bytes: end };
}
