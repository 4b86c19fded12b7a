import { CutpointError } from '@cutpoint/core';
import { describe, expect, it } from 'vitest';
import { outliveGpu } from './outlive-gpu.js';
import type { Provider } from './provider.js';

/** Runs whose GPU is lost so many times; where they ran, and what they were told to run on next. */
async function runLosing(provider: Provider, times: number, code: 'CUT_GPU_LOST' | 'CUT_INPUT' = 'CUT_GPU_LOST') {
  const ran: Provider[] = [];
  const told: Provider[] = [];
  const run = async (on: Provider) => {
    ran.push(on);
    if (ran.length <= times) throw new CutpointError(code, 'It went wrong.');
    return on;
  };
  const result = await outliveGpu(provider, run, (next) => told.push(next)).catch(({ code }) => code);
  return { result, ran, told };
}

describe('a run whose GPU is lost', () => {
  it('is made again on a new one', async () => {
    const told = ['webgpu'];
    expect(await runLosing('webgpu', 1)).toEqual({ result: 'webgpu', ran: ['webgpu', 'webgpu'], told });
  });

  it('is made on WebAssembly when that is lost as well', async () => {
    const told = ['webgpu', 'wasm'];
    expect(await runLosing('webgpu', 2)).toEqual({ result: 'wasm', ran: ['webgpu', 'webgpu', 'wasm'], told });
  });

  it('is made once where nothing is lost, or fails for another reason', async () => {
    expect(await runLosing('webgpu', 0)).toEqual({ result: 'webgpu', ran: ['webgpu'], told: [] });
    expect(await runLosing('webgpu', 1, 'CUT_INPUT')).toEqual({ result: 'CUT_INPUT', ran: ['webgpu'], told: [] });
    expect(await runLosing('wasm', 1)).toEqual({ result: 'CUT_GPU_LOST', ran: ['wasm'], told: [] });
  });
});
