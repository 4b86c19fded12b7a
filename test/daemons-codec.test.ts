import type { NamedTensors } from '@cutpoint/core';
import { connect, type Reply } from '@cutpoint/wire';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { classifier, classifierInput, loadWhole } from './models.testing.js';
import { cutpoint, type Process } from './processes.testing.js';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const common = ['--optimisation', 'none', '--listen', 'ws://127.0.0.1:0', '--json'];
const serve = (...args: readonly string[]) => cutpoint(['serve', classifier, ...common, ...args]);
const agent = (...args: readonly string[]) => cutpoint(['agent', classifier, ...common, ...args]);

async function inferAt(url: string): Promise<Reply> {
  await using peer = await connect({ url, connectTimeoutMs: 5_000 });
  return await peer.request({ method: 'infer', tensors: classifierInput() }, { deadlineMs: 30_000 });
}

function numbers(tensors: NamedTensors): number[] {
  const [tensor] = tensors.values();
  if (tensor === undefined) throw new Error('There is no output.');
  return [...new Float32Array(tensor.data.slice().buffer)];
}

function largest(of: readonly number[]): number {
  return of.indexOf(Math.max(...of));
}

describe('tensors that cross a cut under a spec', () => {
  let server: Process;
  let expected: number[];
  beforeAll(async () => {
    await using whole = await loadWhole(classifier);
    expected = numbers((await whole.run(classifierInput())).outputs);
    server = serve('--max-stages', '4');
    await server.url();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  it('give nearly the answer of the whole model', async () => {
    const spec = 'ts-tabq:delta=1e-5,rho=0.001+rans';
    await using front = agent('--at', '100', '--codec', spec, '--server', await server.url());
    const answer = numbers((await inferAt(await front.url())).tensors);
    expect(answer).not.toEqual(expected);
    for (const [i, number] of answer.entries()) expect(number).toBeCloseTo(expected[i] ?? Number.NaN, 1);
    expect(largest(answer)).toBe(largest(expected));
  });

  it('may have one for each cut', async () => {
    await using middle = serve('--next', await server.url());
    const codecs = 'affine:bits=8,per=channel+rans,bf16';
    await using front = agent('--at', '60,150', '--codec', codecs, '--server', await middle.url());
    const answer = numbers((await inferAt(await front.url())).tensors);
    expect(largest(answer)).toBe(largest(expected));
  });

  it('are refused at the start where the spec is wrong', async () => {
    await using front = agent('--at', '100', '--codec', 'affine:bits=9', '--server', await server.url());
    expect(await front.exit()).toBe(2);
    expect(front.stderr).toContain('affine:bits is a whole number from 2 to 8');
  });
});
