import { CutpointError } from '@cutpoint/core';
import { afterAll, describe, it } from 'vitest';
import type { Gpu } from './device/gpu.js';
import { openGpu } from './device/open-gpu.js';

/** Tests that need a GPU, or a driver that computes like one: without one they are skipped, and it is said why. */
export async function describeOnGpu(name: string, tests: (gpu: Gpu) => void): Promise<void> {
  const gpu = await openedOrWhyNot();
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

async function openedOrWhyNot(): Promise<Gpu | string> {
  try {
    return await openGpu();
  } catch (thrown) {
    if (thrown instanceof CutpointError && thrown.code === 'CUT_GPU_MISSING') return thrown.message;
    throw thrown;
  }
}
