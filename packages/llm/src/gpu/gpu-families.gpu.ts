import { GpuDecoder, openGpu } from '@cutpoint/gpu';
import { expect, it } from 'vitest';
import { describeOnGpu } from '../../../gpu/src/gpus.testing.js';
import type { DecoderConfig } from '../architecture/decoder-config.js';
import { randomFloats, temporaryPackage } from '../decode/random-package.testing.js';
import { referenceDecoder } from '../decode/reference-decoder.testing.js';
import { smallFamilies } from '../decode/small-families.testing.js';
import { partsIn } from '../package/parts-in-folder.js';
import { smallConfig } from '../package/small-decoder.testing.js';
import { packageWeights } from './package-weights.js';

/** Heads, and a text, that are longer than a workgroup has threads. */
const large: DecoderConfig = {
  ...smallConfig,
  headSize: 80,
  attentionScale: 0.11,
  qkNorm: true,
  contextTokens: 128,
  attention: [
    { rope: 0, windowTokens: 66 },
    { rope: 0, windowTokens: null },
  ],
};

await describeOnGpu('a decoder on a GPU', openGpu, (gpu) => {
  it.each([...Object.entries(smallFamilies), ['large heads', large] as const])(
    'computes the logits of its family by definition: %s',
    async (_, config) => {
      await using made = await temporaryPackage(randomFloats(config, 11));
      const { folder, manifest } = made;
      const length = config === large ? 90 : 20;
      const text = Array.from({ length }, (_, i) => (i * 7 + 3) % config.vocabularySize);
      const decoder = await GpuDecoder.open(gpu, config, packageWeights(partsIn(folder), manifest), {
        rowsPerStep: 16,
      });
      const { logits: expected } = referenceDecoder(folder, manifest, text);
      const rows = text.map((token) => ({ sequence: 1, input: token, wanted: true }));
      // A prompt in two steps, and the last tokens one by one.
      for (const [from, to] of stepsOf(length)) {
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
    },
  );
});

/** A prompt in steps of 11 rows, and the last two tokens one by one. */
function stepsOf(length: number): (readonly [from: number, to: number])[] {
  const prompt = length - 2;
  const steps = Array.from(
    { length: Math.ceil(prompt / 11) },
    (_, i) => [i * 11, Math.min(prompt, (i + 1) * 11)] as const,
  );
  return [...steps, [prompt, prompt + 1], [prompt + 1, length]];
}
