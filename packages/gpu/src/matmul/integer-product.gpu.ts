import { expect, it } from 'vitest';
import type { Gpu } from '../device/gpu.js';
import { openGpu } from '../device/open-gpu.js';
import { describeOnGpu } from '../gpus.testing.js';
import { bitWidths, type CodeMatrix } from '../matrix/code-matrix.js';
import { largestMatrix, productByDefinition, randomMatrix } from '../matrix/matrices.testing.js';
import { type ProductScheme, schemesFor } from '../matrix/product-scheme.js';
import type { OutputKind } from './integer-parts.js';
import { integerProduct, type KernelChoice, uploadOperand } from './integer-product.js';

const tile = { kind: 'tile', threadsM: 4, threadsN: 8, eachM: 2, eachN: 2, steps: 2 } as const;
const rows = { kind: 'rows', threads: 64, lanes: 16, eachM: 2 } as const;
/** One result a workgroup. */
const small = { kind: 'tile', threadsM: 1, threadsN: 1, eachM: 1, eachN: 1, steps: 2 } as const;
const shapes: readonly KernelChoice['shape'][] = [tile, rows];

async function multiply(
  on: Gpu,
  [left, right]: readonly [CodeMatrix, CodeMatrix],
  choice: KernelChoice,
  output: OutputKind,
): Promise<number[]> {
  using l = await uploadOperand(on, left, choice.scheme, 'left');
  using r = await uploadOperand(on, right, choice.scheme, 'right');
  using product = await integerProduct(on, { left: l, right: r }, choice, output);
  await on.run([product.dispatch]);
  const bytes = await on.read(product.product);
  return [...(output === 'integers' ? new Int32Array(bytes) : new Float32Array(bytes))];
}

const pairs = bitWidths.flatMap((left) => bitWidths.map((right) => [left, right] as const));

await describeOnGpu('a product of codes', openGpu, (gpu) => {
  it.each(pairs)('is exact for activations of %i and weights of %i bits, whatever the kernel', async (p, q) => {
    const left = randomMatrix({ rows: 5, columns: 203, bits: p }, 1);
    const right = randomMatrix({ rows: 37, columns: 203, bits: q }, 2);
    const expected = productByDefinition(left, right, false);
    for (const scheme of schemesFor(p, q, gpu.info.packedDot)) {
      for (const shape of shapes) {
        const product = await multiply(gpu, [left, right], { scheme, shape }, 'integers');
        expect(product, `${scheme.name}, ${shape.kind}`).toEqual(expected);
      }
    }
  });

  it('stays exact where sums are largest: 16,384 columns of 8 bits', async () => {
    const left = largestMatrix({ rows: 1, columns: 16_384, bits: 8 });
    const right = largestMatrix({ rows: 3, columns: 16_384, bits: 8 });
    for (const scheme of schemesFor(8, 8, gpu.info.packedDot)) {
      for (const shape of shapes) {
        const product = await multiply(gpu, [left, right], { scheme, shape }, 'integers');
        expect(product, `${scheme.name}, ${shape.kind}`).toEqual([1, 2, 3].map(() => 16_384 * 255 * 255));
      }
    }
  });

  it.each([{ kind: 'rows', threads: 4, lanes: 4, eachM: 1 } as const, small])(
    'may take more workgroups than one dimension holds: $kind',
    async (shape) => {
      const left = randomMatrix({ rows: 2, columns: 8, bits: 2 }, 5);
      const right = randomMatrix({ rows: 66_001, columns: 8, bits: 2 }, 6);
      const expected = productByDefinition(left, right, false);
      const [scheme] = schemesFor(2, 2, false);
      const product = await multiply(gpu, [left, right], { scheme: scheme as ProductScheme, shape }, 'integers');
      expect(product).toHaveLength(expected.length);
      expect(product.findIndex((value, i) => value !== expected[i])).toBe(-1);
    },
  );

  it.each([32, 96, 160])('adds up groups of %i columns by their scales', async (groupSize) => {
    const left = randomMatrix({ rows: 3, columns: 250, bits: 8, groupSize }, 3);
    const right = randomMatrix({ rows: 21, columns: 250, bits: 4, groupSize }, 4);
    const expected = productByDefinition(left, right, true);
    const largest = Math.max(...expected.map(Math.abs));
    for (const scheme of schemesFor(8, 4, gpu.info.packedDot)) {
      for (const shape of shapes) {
        const product = await multiply(gpu, [left, right], { scheme, shape }, 'floats');
        product.forEach((value, i) => {
          expect(Math.abs(value - (expected[i] ?? 0))).toBeLessThan(1e-6 * largest);
        });
      }
    }
  });
});
