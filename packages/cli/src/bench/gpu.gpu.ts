import { openGpu } from '@cutpoint/gpu';
import { expect, it } from 'vitest';
import { describeOnGpu } from '../../../gpu/src/gpus.testing.js';
import { benchGpu } from './gpu.js';

const signal = new AbortController().signal;

await describeOnGpu('products of codes beside others', openGpu, (gpu) => {
  it('are told with their times, those of onnxruntime or why there are none, and what a kernel does', async () => {
    const widths = [{ weightBits: 4, activationBits: 8 }] as const;
    const sizes = { rows: [1], outputs: 64, columns: 64 };
    const { rows, notes } = await benchGpu({ ...sizes, widths, signal, onProgress: () => undefined });
    expect(rows.map(({ kernel, wBits, aBits }) => [kernel, wBits, aBits])).toEqual(
      expect.arrayContaining([
        ['f32', 32, 32],
        ['planes', 4, 8],
      ]),
    );
    expect(notes.some((note) => note.includes('computes on the CPU'))).toBe(gpu.info.software);
    for (const { us, vsOrt, ortUs, vsF32, instructionsPerMac, bytesPerMac } of rows) {
      for (const number of [us, vsF32, instructionsPerMac, bytesPerMac]) expect(number).toBeGreaterThan(0);
      if (ortUs === null) expect(notes.join(' ')).toContain('onnxruntime was not timed');
      else expect(vsOrt).toBeCloseTo(ortUs / us, 9);
    }
    // onnxruntime has a minute for each of two products.
  }, 240_000);
});
