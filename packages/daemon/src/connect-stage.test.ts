import type { SplitModel } from '@cutpoint/runtime';
import { connect, listen } from '@cutpoint/wire';
import { describe, expect, it } from 'vitest';
import { checkStage } from './connect-stage.js';
import { describeStage } from './stage-description.js';

const segment = (index: number, answers: string[]) => ({
  index,
  receives: [],
  sends: [],
  answers,
  source: async () => null,
});
const model: SplitModel = {
  name: 'model',
  modelHash: 'ab12',
  inputs: [],
  outputs: ['early', 'y', 'z'],
  cuts: [
    { index: 7, name: 'conv', tensors: [{ name: 'a', dtype: 'f32', shape: [1, 8] }] },
    { index: 9, name: 'relu', tensors: [{ name: 'b', dtype: 'f32', shape: [1, 8] }] },
  ],
  segments: [segment(0, ['early']), segment(1, ['y']), segment(2, ['z'])],
  assumed: [],
};
const request = { at: [7, 9], codecs: ['raw' as const, 'f16' as const], segment: 1 };
const description = describeStage(model, request);

async function check(meta: Record<string, unknown>) {
  await using listener = await listen({ url: 'tcp://127.0.0.1:0', handler: async () => ({ meta }) });
  await using peer = await connect({ url: listener.url, connectTimeoutMs: 5_000 });
  await checkStage(peer, listener.url, { model, request });
}

describe('the check of the next device', () => {
  it('passes where it holds the same model cut at the same places', async () => {
    expect(description.answers).toEqual(['y', 'z']);
    await check(description);
  });

  it.each([
    ['another model', { modelHash: 'cd34' }],
    ['other cuts', { split: { at: [7, 8], codecs: ['raw', 'f16'] } }],
    ['another segment', { segment: 2 }],
    ['other crossing tensors', { receives: [{ name: 'b', dtype: 'f32' }] }],
    ['another element type', { receives: [{ name: 'a', dtype: 'f16' }] }],
    ['more crossing tensors', { receives: [...description.receives, { name: 'b', dtype: 'f32' }] }],
    ['other outputs', { answers: [] }],
    ['a description that is none', { receives: 'a' }],
  ])('fails for %s', async (_, difference) => {
    const refused = check({ ...description, ...difference });
    await expect(refused).rejects.toThrow(expect.objectContaining({ code: 'CUT_MODEL_MISMATCH' }));
  });

  it('fails for something that is no server', async () => {
    await expect(check({})).rejects.toThrow(expect.objectContaining({ code: 'CUT_MODEL_MISMATCH' }));
  });
});
