import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CutpointError } from '@cutpoint/core';
import { connect, type Meta, type Peer } from '@cutpoint/wire';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { greedySampling } from '../../text/sampling.js';
import { readTokensAnswer } from '../pass-answer.js';
import { type SentPiece, writePass } from '../pass-message.js';
import { prompt, SplitBench, serveHere, type TestServer, tokensOf } from '../split.testing.js';
import { packed, splitMethods, unpacked } from '../split-protocol.js';

let bench: SplitBench;

beforeAll(async () => {
  bench = await SplitBench.open();
});
afterAll(async () => await bench[Symbol.asyncDispose]());

/** Cut before the first layer: tokens alone travel, so that a test can say what it likes. */
const form = { tokens: true, hidden: false };
const settings = { at: 0, private: false, codec: 'raw', choice: { sampling: greedySampling, ends: [] } };
const pieceOf = (tokens: readonly number[]): SentPiece => ({
  rows: tokens.length,
  kept: tokens.length,
  tokens,
  hidden: new Uint8Array(0),
});

/** An agent that says what the test wants. */
class Caller implements AsyncDisposable {
  private constructor(readonly peer: Peer) {}

  static async open(server: TestServer, client: string | null = randomBytes(16).toString('hex')): Promise<Caller> {
    const caller = new Caller(await connect({ url: server.url, connectTimeoutMs: 5_000 }));
    if (client !== null) await caller.peer.request({ method: splitMethods.describe, meta: { client } });
    return caller;
  }

  async pass(sequence: number, base: number, tokens: readonly number[], meta?: Meta): Promise<readonly number[]> {
    const bytes = writePass({ sequence, base, drafted: 0, pieces: [pieceOf(tokens)] }, form);
    return await this.bytes(bytes, meta);
  }

  async bytes(bytes: Uint8Array<ArrayBuffer>, meta?: Meta): Promise<readonly number[]> {
    const request = { method: splitMethods.decode, tensors: packed(bytes), ...(meta === undefined ? {} : { meta }) };
    const { tensors } = await this.peer.request(request, { deadlineMs: 20_000 });
    return readTokensAnswer(unpacked(tensors), 33, 64).tokens;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.peer.close();
  }
}

const code = (asked: Promise<unknown>) =>
  asked.then(
    () => 'answered',
    (error: CutpointError) => error.code,
  );

describe('a server of a language model', () => {
  it('says what it holds, to callers of its methods and to others', async () => {
    await using caller = await Caller.open(bench.server);
    const { meta } = await caller.peer.request({ method: 'describe', meta: {} });
    const said = { name: 'random', layers: 3, at: null, width: 'f32', missingTables: [] };
    expect(meta).toMatchObject({ languageModel: said });
    expect(await code(caller.peer.request({ method: 'infer' }))).toBe('CUT_USAGE');
    const { tensors } = await caller.peer.request({ method: 'probe', meta: { replyBytes: 16 } });
    expect([...tensors.values()].map(({ data }) => data.length)).toEqual([16]);
  });

  it('knows of no sequence that it was not told the beginning of', async () => {
    await using caller = await Caller.open(bench.server);
    expect(await code(caller.pass(1, 0, prompt))).toBe('CUT_SEQUENCE_LOST');
    expect(await code(caller.pass(1, 3, prompt, settings))).toBe('CUT_SEQUENCE_LOST');
    const [token] = await caller.pass(1, 0, prompt, settings);
    expect(token).toBe((await tokensOf(bench.whole, { maxTokens: 1 }))[0]);
    expect(await code(caller.pass(1, prompt.length + 1, [token ?? 0]))).toBe('CUT_SEQUENCE_LOST');
    expect(await code(caller.pass(1, prompt.length, [token ?? 0]))).toBe('answered');
    await using other = await Caller.open(bench.server);
    expect(await code(other.pass(1, prompt.length, [token ?? 0]))).toBe('CUT_SEQUENCE_LOST');
  });

  it('refuses what does not fit the model', async () => {
    await using caller = await Caller.open(bench.server);
    expect(await code(caller.pass(1, 0, [64], settings))).toBe('CUT_INPUT');
    expect(await code(caller.pass(1, 0, Array(129).fill(1), settings))).toBe('CUT_INPUT');
    expect(await code(caller.pass(1, 0, Array(128).fill(1), settings))).toBe('answered');
    expect(await code(caller.pass(1, 128, [1]))).toBe('CUT_INPUT');
    expect(await code(caller.pass(1, 0, prompt, { ...settings, at: 3 }))).toBe('CUT_ILLEGAL_CUT');
    expect(await code(caller.pass(1, 0, prompt, { ...settings, codec: 'nonsense' }))).toBe('CUT_USAGE');
    const codec = 'transform:table=x-0123456789abcdef';
    expect(await code(caller.pass(1, 0, prompt, { ...settings, codec }))).toBe('CUT_CODEC_TABLE');
    expect(await code(caller.pass(1, 0, prompt, { ...settings, answerCodec: 'raw' }))).toBe('CUT_USAGE');
    expect(await code(caller.pass(1, 0, prompt, { ...settings, choice: null }))).toBe('CUT_INPUT');
    const choice = { sampling: { ...greedySampling, temperature: -1 }, ends: [] };
    expect(await code(caller.pass(1, 0, prompt, { ...settings, choice }))).toBe('CUT_USAGE');
    expect(await code(caller.pass(1, 0, prompt, { ...settings, at: 'all' }))).toBe('CUT_INPUT');
    await caller.pass(2, 0, prompt, settings);
    expect(await code(caller.pass(2, 5, [1], { ...settings, at: 1 }))).toBe('CUT_INPUT');
    expect(await code(caller.pass(2, 5, [1], { ...settings, codec: 'f16' }))).toBe('CUT_INPUT');
    const request = { method: splitMethods.decode, meta: settings };
    expect(await code(caller.peer.request(request))).toBe('CUT_INPUT');
    await using nobody = await Caller.open(bench.server, null);
    expect(await code(nobody.pass(1, 0, prompt, settings))).toBe('CUT_USAGE');
  });

  it('answers any bytes with tokens or one sentence, and others go on', { timeout: 60_000 }, async () => {
    await using caller = await Caller.open(bench.server);
    await using other = await Caller.open(bench.server);
    const expected = await tokensOf(bench.whole, { maxTokens: 1 });
    const valid = writePass({ sequence: 0, base: 0, drafted: 0, pieces: [pieceOf(prompt)] }, form);
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.tuple(fc.nat(valid.length - 1), fc.nat(255)).map(([at, value]) => valid.map((b, i) => (i === at ? value : b))),
    );
    const meta = fc.constantFrom(
      undefined,
      settings,
      { ...settings, at: 1 },
      { ...settings, private: true, choice: null },
    );
    await fc.assert(
      fc.asyncProperty(bytes, meta, async (each, told) => {
        const answered = await code(caller.bytes(new Uint8Array(each), told));
        expect(['answered', 'CUT_INPUT', 'CUT_CODEC_PAYLOAD', 'CUT_SEQUENCE_LOST', 'CUT_OVERLOADED']).toContain(
          answered,
        );
      }),
      { numRuns: 300 },
    );
    expect(await other.pass(1, 0, prompt, settings)).toEqual(expected);
  });

  it('answers any meta data in one sentence', async () => {
    await using caller = await Caller.open(bench.server);
    const methods = fc.constantFrom(...Object.values(splitMethods));
    await fc.assert(
      fc.asyncProperty(methods, fc.dictionary(fc.string(), fc.jsonValue()), async (method, meta) => {
        const plain = Object.fromEntries(Object.entries(meta).filter(([key]) => !key.endsWith('__proto__')));
        const answered = await code(caller.peer.request({ method, meta: JSON.parse(JSON.stringify(plain)) }));
        expect(['answered', 'CUT_INPUT', 'CUT_SEQUENCE_LOST', 'CUT_USAGE']).toContain(answered);
      }),
      { numRuns: 200 },
    );
  });
});

describe('tables of codecs that agents send', () => {
  it('are answered in one sentence, whatever their bytes are', async () => {
    await using caller = await Caller.open(bench.server);
    const table = (name: string, bytes: Uint8Array<ArrayBuffer>) =>
      caller.peer.request({ method: splitMethods.table, meta: { name }, tensors: packed(bytes) });
    await fc.assert(
      fc.asyncProperty(
        fc.string({ minLength: 1, maxLength: 40 }),
        fc.uint8Array({ maxLength: 200 }),
        async (label, bytes) => {
          const content = new Uint8Array(bytes);
          const digits = createHash('sha256').update(content).digest('hex').slice(0, 16);
          expect(await code(table(label, content))).toBe('CUT_CODEC_TABLE');
          expect(await code(table(`${label}-${digits}`, content))).toBe('CUT_CODEC_TABLE');
        },
      ),
      { numRuns: 50 },
    );
    expect(await code(table('', new Uint8Array(1)))).toBe('CUT_INPUT');
    expect(await code(caller.peer.request({ method: splitMethods.table, meta: { name: 'x' } }))).toBe('CUT_INPUT');
  });
});

describe('the limits of a server', () => {
  it('hold for the number of texts, and a dropped one makes room', async () => {
    await using server = await serveHere(bench.made.folder, { maxSequencesPerClient: 2, maxSequences: 3 });
    await using caller = await Caller.open(server);
    await using other = await Caller.open(server);
    await caller.pass(1, 0, prompt, settings);
    await caller.pass(2, 0, prompt, settings);
    expect(await code(caller.pass(3, 0, prompt, settings))).toBe('CUT_OVERLOADED');
    expect(await code(caller.pass(2, 0, prompt, settings))).toBe('answered');
    await other.pass(1, 0, prompt, settings);
    expect(await code(other.pass(2, 0, prompt, settings))).toBe('CUT_OVERLOADED');
    expect(await code(other.peer.request({ method: 'clone', meta: { from: 1, into: 2, tokens: 3 } }))).toBe(
      'CUT_OVERLOADED',
    );
    await caller.peer.request({ method: 'drop', meta: { sequence: 1 } });
    expect(await code(other.pass(2, 0, prompt, settings))).toBe('answered');
    expect(server.host.counts.sequences).toBe(3);
  });

  it('hold for texts that begin at the same time, and for what is dropped before it has begun', async () => {
    await using server = await serveHere(bench.made.folder, { maxSequencesPerClient: 4 });
    await using caller = await Caller.open(server);
    const all = Array.from({ length: 10 }, (_, i) => code(caller.pass(i, 0, prompt, settings)));
    expect((await Promise.all(all)).filter((each) => each === 'answered')).toHaveLength(4);
    expect(server.host.counts.sequences).toBe(4);
    await using other = await Caller.open(server);
    for (let sequence = 0; sequence < 20; sequence++) {
      const begun = code(other.pass(sequence, 0, prompt, settings));
      await other.peer.request({ method: 'drop', meta: { sequence } });
      expect(['answered', 'CUT_SEQUENCE_LOST']).toContain(await begun);
    }
    expect(server.host.counts.sequences).toBe(4);
  });

  it('hold for the memory of caches, and for that of weights', async () => {
    // 256 tokens of 3 layers with 2 heads of 16 elements, keys and values.
    const cacheBytes = 3 * 256 * 2 * 16 * 4 * 2;
    await using server = await serveHere(bench.made.folder, { maxCacheBytes: cacheBytes });
    await using caller = await Caller.open(server);
    await caller.pass(1, 0, prompt, settings);
    expect(await code(caller.pass(2, 0, prompt, settings))).toBe('CUT_OVERLOADED');
    expect(await code(caller.peer.request({ method: 'clone', meta: { from: 1, into: 2, tokens: 3 } }))).toBe(
      'CUT_OVERLOADED',
    );
    await using narrow = await serveHere(bench.made.folder, { maxCacheBytes: cacheBytes, cache: 'f16' });
    await using twice = await Caller.open(narrow);
    await twice.pass(1, 0, prompt, settings);
    await twice.pass(2, 0, prompt, settings);
    expect(await code(twice.pass(3, 0, prompt, settings))).toBe('CUT_OVERLOADED');
    await using full = await serveHere(bench.made.folder, { freeBytes: async () => 1_000 });
    await using refused = await Caller.open(full);
    expect(await code(refused.pass(1, 0, prompt, settings))).toBe('CUT_MEMORY');
  });

  it('hold for the cuts that are open: one that nobody uses makes room for another', async () => {
    await using server = await serveHere(bench.made.folder, { maxRanges: 1 });
    await using caller = await Caller.open(server);
    const { peer } = caller;
    const split = (at: number) =>
      peer.request({ method: 'describe', meta: { split: { at, private: false, codec: 'raw' } } });
    await split(0);
    await split(1);
    await caller.pass(1, 0, prompt, settings);
    expect(await code(split(1))).toBe('CUT_OVERLOADED');
    expect(server.host.counts).toEqual({ sequences: 1, ranges: 1 });
  });

  it('drop what is idle, and what is of somebody who is gone, but not at once', async () => {
    await using server = await serveHere(bench.made.folder, { graceMs: 300, idleMs: 100_000 });
    const client = randomBytes(16).toString('hex');
    const caller = await Caller.open(server, client);
    await caller.pass(1, 0, prompt, settings);
    await caller[Symbol.asyncDispose]();
    await using again = await Caller.open(server, client);
    expect(await code(again.pass(1, prompt.length, [3]))).toBe('answered');
    await again[Symbol.asyncDispose]();
    await expect.poll(() => server.host.counts.sequences).toBe(0);
    await using late = await Caller.open(server, client);
    expect(await code(late.pass(1, prompt.length, [3]))).toBe('CUT_SEQUENCE_LOST');

    await using short = await serveHere(bench.made.folder, { idleMs: 100 });
    await using idle = await Caller.open(short);
    await idle.pass(1, 0, prompt, settings);
    await expect.poll(() => short.host.counts.sequences).toBe(0);
  });

  it('a pass that is cancelled, or whose deadline is over, ends and leaves the text as it was', async () => {
    await using caller = await Caller.open(bench.server);
    await caller.pass(1, 0, prompt, settings);
    const bytes = writePass({ sequence: 1, base: 11, drafted: 0, pieces: [pieceOf(Array(100).fill(2))] }, form);
    const request = { method: splitMethods.decode, tensors: packed(bytes) };
    expect(await code(caller.peer.request(request, { deadlineMs: 0.5 }))).toBe('CUT_DEADLINE');
    const gone = new AbortController();
    const asked = code(caller.peer.request(request, { signal: gone.signal }));
    gone.abort();
    expect(await asked).toBe('CUT_CANCELLED');
    await sleep(20);
    const text = [...prompt, 4];
    expect(await caller.pass(1, 11, [4])).toEqual(await tokensOf(bench.whole, { prompt: text, maxTokens: 1 }));
  });
});
