import type { SegmentPlan } from '@cutpoint/runtime';
import { listen } from '@cutpoint/wire';
import { describe, expect, it } from 'vitest';
import { connectServer, type ExpectedBack } from './connect-server.js';

const back: SegmentPlan = { index: 1, receives: ['a'], sends: [], answers: ['y'], source: async () => null };
const expected: ExpectedBack = {
  modelHash: 'ab12',
  cut: { index: 7, name: 'conv', tensors: [{ name: 'a', dtype: 'f32', shape: [1, 8] }] },
  back,
};
const description = {
  version: '0.1.0',
  modelHash: 'ab12',
  segment: { index: 1, count: 2 },
  cut: { index: 7, name: 'conv' },
  receives: [{ name: 'a', dtype: 'f32' }],
  answers: ['y'],
};

async function connectTo(meta: Record<string, unknown>) {
  await using listener = await listen({ url: 'tcp://127.0.0.1:0', handler: async () => ({ meta }) });
  const address = { url: listener.url, connectTimeoutMs: 5_000 };
  await using peer = await connectServer(address, expected);
  return peer.remote.name;
}

describe('connecting to a server', () => {
  it('succeeds where it holds the same model cut at the same place', async () => {
    expect(await connectTo(description)).toBe('cutpoint');
  });

  it.each([
    ['another model', { modelHash: 'cd34' }],
    ['another cut', { cut: { index: 8, name: 'relu' } }],
    ['other crossing tensors', { receives: [{ name: 'b', dtype: 'f32' }] }],
    ['another element type', { receives: [{ name: 'a', dtype: 'f16' }] }],
    ['more crossing tensors', { receives: [...description.receives, { name: 'b', dtype: 'f32' }] }],
    ['other outputs', { answers: [] }],
    ['a description that is none', { receives: 'a' }],
  ])('is refused for %s', async (_, difference) => {
    const refused = connectTo({ ...description, ...difference });
    await expect(refused).rejects.toThrow(expect.objectContaining({ code: 'CUT_MODEL_MISMATCH' }));
  });

  it('is refused by something that is no server', async () => {
    await expect(connectTo({})).rejects.toThrow(expect.objectContaining({ code: 'CUT_MODEL_MISMATCH' }));
  });
});
