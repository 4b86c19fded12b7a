import { CutpointError } from '@cutpoint/core';
import { afterAll, describe, it } from 'vitest';

/**
 * Tests that need a GPU, or a driver that computes like one: without one they are skipped, and it is said why.
 * @param open `openGpu`, of the package as the tests see it.
 */
export async function describeOnGpu<Opened extends Disposable>(
  name: string,
  open: () => Promise<Opened>,
  tests: (gpu: Opened) => void,
): Promise<void> {
  const gpu = await openedOrWhyNot(open);
  if (typeof gpu === 'string') {
    process.stderr.write(`Skipped: ${name}. ${gpu}\n`);
    describe(name, () => it.skip(`on a GPU: ${gpu}`, () => undefined));
    return;
  }
  describe(name, () => {
    afterAll(() => gpu[Symbol.dispose]());
    tests(gpu);
  });
}

async function openedOrWhyNot<Opened>(open: () => Promise<Opened>): Promise<Opened | string> {
  try {
    return await open();
  } catch (thrown) {
    if (thrown instanceof CutpointError && thrown.code === 'CUT_GPU_MISSING') return thrown.message;
    throw thrown;
  }
}
