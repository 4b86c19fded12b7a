import { setImmediate } from 'node:timers/promises';
import { CancelSource, CutpointError } from '@cutpoint/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { smallConfig } from '../package/small-decoder.testing.js';
import { DecoderRange } from './decoder-range.js';
import { LocalRange } from './local-range.js';
import { openSession } from './open-session.js';
import { randomFloats, type TemporaryPackage, temporaryPackage } from './random-package.testing.js';
import { RangeSession } from './range-session.js';

const range = { from: 0, to: 2, head: false };
const { hiddenSize } = smallConfig;
const chunkTokens = 4;
const rows = (tokens: number, seed: number) =>
  Float32Array.from({ length: tokens * hiddenSize }, (_, i) => Math.sin(seed + i * 1.7));

describe('layers in this thread', () => {
  let made: TemporaryPackage;
  let worker: DecoderRange;
  let local: LocalRange;
  beforeAll(async () => {
    made = await temporaryPackage(randomFloats(smallConfig, 4));
    const { folder, manifest } = made;
    worker = await DecoderRange.open(folder, manifest, range, { chunkTokens });
    const session = await openSession({ folder, manifest, range, threads: 1, provider: 'cpu', cache: 'f32' });
    local = new LocalRange(new RangeSession(session, manifest.config, range, 'f32'), chunkTokens, () => setImmediate());
  });
  afterAll(async () => {
    await local.dispose();
    await worker.dispose();
    await made[Symbol.asyncDispose]();
  });

  it('give what they give in a worker, also of passes that are asked for at once, of copies and of shortened texts', async () => {
    const given = await Promise.all(
      [worker, local].map(async (decoder) => {
        const [one, other] = [decoder.sequence(), decoder.sequence()];
        const first = await Promise.all([decoder.forward(one, rows(9, 1)), decoder.forward(other, rows(3, 2))]);
        const copy = decoder.clone(one, 5);
        decoder.truncate(other, 1);
        const then = await Promise.all([decoder.forward(copy, rows(1, 3)), decoder.forward(other, rows(2, 4))]);
        for (const sequence of [one, other, copy]) decoder.drop(sequence);
        return [...first, ...then].map(({ data }) => data);
      }),
    );
    expect(given[1]).toEqual(given[0]);
  });

  it('leave a text as it was whose pass is cancelled between two chunks', async () => {
    const sequence = local.sequence();
    await local.forward(sequence, rows(2, 1));
    const source = new CancelSource();
    const reason = new CutpointError('CUT_CANCELLED', 'Stopped.');
    const pass = local.forward(sequence, rows(12, 2), { signal: source });
    // The first chunk has begun by then, and the last one has not.
    await setImmediate();
    await setImmediate();
    source.abort(reason);
    await expect(pass).rejects.toBe(reason);
    const fresh = local.sequence();
    await local.forward(fresh, rows(2, 1));
    const [again, expected] = [await local.forward(sequence, rows(1, 5)), await local.forward(fresh, rows(1, 5))];
    expect(again.data).toEqual(expected.data);
  });
});
