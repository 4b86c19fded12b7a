import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { DecoderRange } from '../../decode/decoder-range.js';
import type { EmbeddingTable } from '../../decode/embedding-table.js';
import { openEmbedding } from '../../decode/open-embedding.js';
import { randomFloats, type TemporaryPackage, temporaryPackage } from '../../decode/random-package.testing.js';
import { greedySampling } from '../../text/sampling.js';
import { PassReader, writePass } from '../pass-message.js';
import { prompt, threeLayers } from '../split.testing.js';
import { HostedSequence } from './hosted-sequence.js';
import { runPass } from './run-pass.js';

let made: TemporaryPackage;
let range: DecoderRange;
let embedding: EmbeddingTable;

beforeAll(async () => {
  made = await temporaryPackage(randomFloats(threeLayers, 5));
  range = await DecoderRange.open(made.folder, made.manifest, { from: 0, to: 3, head: true });
  embedding = await openEmbedding(made.folder, made.manifest);
});
afterAll(async () => {
  await embedding[Symbol.asyncDispose]();
  await range.dispose();
  await made[Symbol.asyncDispose]();
});

const settings = { at: 0, private: false, codec: 'raw', choice: { sampling: greedySampling, ends: [] } };
const sequenceOf = () => {
  const lease = { range, cache: 'f32' as const, [Symbol.dispose]: () => undefined };
  return new HostedSequence(lease, settings, { up: 'raw', down: 'raw' });
};
/** A pass over the prompt, of which the last tokens are drafts. */
const passOf = (drafted: number) => {
  const piece = { rows: prompt.length, kept: prompt.length, tokens: prompt, hidden: new Uint8Array(0) };
  return new PassReader(writePass({ sequence: 1, base: 0, drafted, pieces: [piece] }, { tokens: true, hidden: false }));
};
const requireCache = () => undefined;
const { signal } = new AbortController();

describe('a pass at the server', () => {
  it('leaves no cache behind where its sequence was dropped while the embedding was read', async () => {
    await range.forward(range.sequence(), new Float32Array(32));
    const before = range.cacheBytes;
    const sequence = sequenceOf();
    const dropping = {
      async rows(tokens: readonly number[]) {
        sequence[Symbol.dispose]();
        return await embedding.rows(tokens);
      },
    };
    const parts = { embedding: dropping, requireCache };
    await expect(runPass(sequence, passOf(0), parts, signal)).rejects.toMatchObject({ code: 'CUT_SEQUENCE_LOST' });
    const last = range.sequence();
    await range.forward(last, new Float32Array(32));
    expect(range.cacheBytes).toBe(2 * before);
    range.drop(last);
  });

  it('computes the logits of its drafts alone, however long the text is that comes with them', async () => {
    const rows: number[] = [];
    const { forward } = range;
    const spy = vi.spyOn(range, 'forward').mockImplementation(async (...asked) => {
      const pass = await forward.apply(range, asked);
      rows.push(pass.data.length / threeLayers.vocabularySize);
      return pass;
    });
    await runPass(sequenceOf(), passOf(3), { embedding, requireCache }, signal);
    expect(rows).toEqual([4]);
    spy.mockRestore();
  });
});
