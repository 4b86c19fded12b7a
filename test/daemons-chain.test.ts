import type { NamedTensors } from '@cutpoint/core';
import { connect, type Reply } from '@cutpoint/wire';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { classifier, classifierInput, loadWhole } from './models.testing.js';
import { cutpoint, type Process } from './processes.testing.js';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const code = (expected: string) => expect.objectContaining({ code: expected });
const common = ['--optimisation', 'none', '--listen', 'ws://127.0.0.1:0', '--json'];
const serve = (...args: readonly string[]) => cutpoint(['serve', classifier, ...common, ...args]);
const agent = (...args: readonly string[]) => cutpoint(['agent', classifier, ...common, ...args]);

async function infer(url: string): Promise<Reply> {
  await using peer = await connect({ url, connectTimeoutMs: 5_000 });
  return await peer.request({ method: 'infer', tensors: classifierInput() }, { deadlineMs: 30_000 });
}

function numbers(tensors: NamedTensors): Float32Array {
  const [tensor] = tensors.values();
  if (tensor === undefined) throw new Error('There is no output.');
  return new Float32Array(tensor.data.slice().buffer);
}

describe('a chain of three devices', () => {
  let last: Process;
  let middle: Process;
  let expected: Float32Array;
  beforeAll(async () => {
    await using whole = await loadWhole(classifier);
    expected = numbers((await whole.run(classifierInput())).outputs);
    last = serve('--max-stages', '2');
    middle = serve('--next', await last.url(), '--max-stages', '2');
    await middle.url();
  });
  afterAll(async () => {
    await middle[Symbol.asyncDispose]();
    await last[Symbol.asyncDispose]();
  });

  it('gives the whole model’s answer and says where the time went on each device and link', async () => {
    await using front = agent('--at', '60,150', '--server', await middle.url());
    const { tensors, meta } = await infer(await front.url());
    expect(numbers(tensors)).toEqual(expected);
    const { stages, links } = meta.timing as { stages: { computeMs: number }[]; links: { sendMs: number }[] };
    expect(stages).toHaveLength(3);
    expect(links).toHaveLength(2);
    for (const { computeMs } of stages) expect(computeMs).toBeGreaterThan(0);
  });

  it('takes any cuts without a restart, also more than it may keep loaded', async () => {
    for (const at of ['20,100', '40,120', '80,200', '20,100']) {
      await using front = agent('--at', at, '--server', await middle.url());
      expect(numbers((await infer(await front.url())).tensors)).toEqual(expected);
    }
  });

  it('may skip a device, and may hand over rounded numbers', async () => {
    await using front = agent('--at', '100', '--codec', 'f16', '--server', await last.url());
    const rounded = numbers((await infer(await front.url())).tensors);
    expect(rounded).not.toEqual(expected);
    for (const [i, number] of rounded.entries()) expect(number).toBeCloseTo(expected[i] ?? Number.NaN, 2);
  });

  it('may be cut by each request anew, by an agent that was started without cuts', async () => {
    await using front = agent('--server', await middle.url());
    await using peer = await connect({ url: await front.url(), connectTimeoutMs: 5_000 });
    const ask = (split?: Record<string, unknown>) => {
      const meta = split === undefined ? {} : { split };
      return peer.request({ method: 'infer', meta, tensors: classifierInput() }, { deadlineMs: 30_000 });
    };
    const [one, two, three] = [
      [30, 90],
      [60, 150],
      [30, 200],
    ].map((at) => ({ at, codecs: ['raw', 'raw'] }));
    const answers = [...(await Promise.all([ask(one), ask(two)])), await ask(three)];
    for (const { tensors } of answers) expect(numbers(tensors)).toEqual(expected);
    await expect(ask()).rejects.toThrow(code('CUT_INPUT'));
  });

  it('refuses more segments than devices before anything runs', async () => {
    await using front = agent('--at', '20,100,150', '--server', await middle.url());
    expect(await front.exit()).toBe(2);
    expect(front.stdout).toContain('--next');
  });

  it('fails a request whose split is none', async () => {
    await using peer = await connect({ url: await last.url(), connectTimeoutMs: 5_000 });
    const ask = (meta: Record<string, unknown>) => peer.request({ method: 'infer', meta, tensors: new Map() });
    await expect(ask({})).rejects.toThrow(code('CUT_INPUT'));
    await expect(ask({ at: [5], codecs: ['raw'], segment: 2 })).rejects.toThrow(code('CUT_INPUT'));
    await expect(ask({ at: [9_999], codecs: ['raw'], segment: 1 })).rejects.toThrow(code('CUT_ILLEGAL_CUT'));
    await expect(ask({ at: [9, 5], codecs: ['raw', 'raw'], segment: 1 })).rejects.toThrow(code('CUT_ILLEGAL_CUT'));
  });
});
