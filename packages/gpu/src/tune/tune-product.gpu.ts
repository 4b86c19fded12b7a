import { expect, it } from 'vitest';
import { openGpu } from '../device/open-gpu.js';
import { describeOnGpu } from '../gpus.testing.js';
import { integerProduct, uploadOperand } from '../matmul/integer-product.js';
import { productByDefinition, randomMatrix } from '../matrix/matrices.testing.js';
import { candidatesFor } from './candidates.js';
import { tuneProduct } from './tune-product.js';
import { bestOfSchemes, chosenFor } from './tuned-product.js';

const shape = { rows: 5, outputs: 70, columns: 130, groupSize: 64, weightBits: 3, activationBits: 8 } as const;

const clock = { now: () => performance.now() };

await describeOnGpu('tuning a product', openGpu, (gpu) => {
  it('only tries kernels that give the product', async () => {
    const { rows, outputs, columns, groupSize } = shape;
    const left = randomMatrix({ rows, columns, groupSize, bits: 8 }, 1);
    const right = randomMatrix({ rows: outputs, columns, groupSize, bits: 3 }, 2);
    const expected = productByDefinition(left, right, true);
    const largest = Math.max(...expected.map(Math.abs));
    const candidates = candidatesFor(shape, gpu.info);
    expect(candidates.length).toBeGreaterThan(15);
    for (const choice of candidates) {
      using l = await uploadOperand(gpu, left, choice.scheme, 'left');
      using r = await uploadOperand(gpu, right, choice.scheme, 'right');
      using product = await integerProduct(gpu, { left: l, right: r }, choice, 'floats');
      await gpu.run([product.dispatch]);
      const found = new Float32Array(await gpu.read(product.product));
      for (const [i, due] of expected.entries()) {
        const what = `${choice.scheme.name} ${JSON.stringify(choice.shape)}`;
        expect(Math.abs((found[i] ?? Number.NaN) - due), what).toBeLessThan(1e-6 * largest);
      }
    }
  });

  it('finds the fastest of each scheme, from which one row and many take the same', async () => {
    const one = bestOfSchemes({ ...shape, rows: 1 }, await tuneProduct(gpu, { ...shape, rows: 1 }, clock));
    const many = bestOfSchemes(shape, await tuneProduct(gpu, shape, clock));
    const chosen = chosenFor(shape, [...one, ...many], gpu.info.packedDot);
    const fastest = [...one].sort((a, b) => a.us - b.us)[0];
    expect(chosen?.scheme.name).toBe(fastest?.scheme);
    expect(chosen?.forOneRow).toEqual(fastest?.division);
    expect(chosen?.forRows).toEqual(many.find(({ scheme }) => scheme === fastest?.scheme)?.division);
    expect(chosenFor({ ...shape, weightBits: 4 }, [...one, ...many], true)).toBeUndefined();
    expect(chosenFor(shape, one, true)).toBeUndefined();
  });
});
