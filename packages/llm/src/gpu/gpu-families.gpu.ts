import { GpuDecoder, openGpu } from '@cutpoint/gpu';
import { expect, it } from 'vitest';
import { describeOnGpu } from '../../../gpu/src/gpus.testing.js';
import { randomFloats, temporaryPackage } from '../decode/random-package.testing.js';
import { referenceDecoder } from '../decode/reference-decoder.testing.js';
import { smallFamilies } from '../decode/small-families.testing.js';
import { packageWeights } from './package-weights.js';

await describeOnGpu('a decoder on a GPU', openGpu, (gpu) => {
  it.each(Object.entries(smallFamilies))('computes the logits of its family by definition: %s', async (_, config) => {
    await using made = await temporaryPackage(randomFloats(config, 11));
    const { folder, manifest } = made;
    const text = Array.from({ length: 20 }, (_, i) => (i * 7 + 3) % config.vocabularySize);
    const decoder = await GpuDecoder.open(gpu, config, packageWeights(folder, manifest), { rowsPerStep: 16 });
    const { logits: expected } = referenceDecoder(folder, manifest, text);
    const rows = text.map((token) => ({ sequence: 1, input: token, wanted: true }));
    // A prompt in two steps, and the last tokens one by one.
    for (const [from, to] of [
      [0, 11],
      [11, 18],
      [18, 19],
      [19, 20],
    ] as const) {
      const { rows: logits, tokens } = await decoder.step(rows.slice(from, to), { read: true });
      for (let row = from; row < to; row++) {
        const own = logits[row - from];
        const due = expected[row] ?? new Float64Array();
        const largest = Math.max(...due.map(Math.abs));
        for (const [i, value] of due.entries()) {
          expect(Math.abs(value - (own?.[i] ?? Number.NaN))).toBeLessThan(2e-5 * largest);
        }
        expect(tokens[row - from]).toBe(due.indexOf(Math.max(...due)));
      }
    }
  });
});
