import { printTransformTable } from '@cutpoint/codec';
import { CancelSource, CutpointError } from '@cutpoint/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomFloats, temporaryPackage } from '../../decode/random-package.testing.js';
import type { Step } from '../../decode/token-decoder.js';
import { openHiddenCodec } from '../../evaluate/hidden-codec.js';
import { greedySampling, samplingOf } from '../../text/sampling.js';
import { passFrameBytes } from '../frame-bytes.js';
import { prompt, SplitBench, serveHere, threeLayers, tokensOf } from '../split.testing.js';
import { type TestTable, tableAt, textAcross } from '../text-across.testing.js';
import { openSplitDecoder } from './open-split-decoder.js';
import type { SplitDecoder } from './split-decoder.js';

let bench: SplitBench;

beforeAll(async () => {
  bench = await SplitBench.open();
});
afterAll(async () => await bench[Symbol.asyncDispose]());

const drawn = samplingOf({ temperature: 0.9, topK: 30, seed: 7, repetitionPenalty: 1.3 });
const ways = [
  ...[0, 1, 2].flatMap((at) => [false, true].map((hides) => ({ at, private: hides }))),
  ...[false, true].map((hides) => ({ at: 2, private: hides, cache: 'none' as const })),
];
const step = (text: readonly number[], more: Partial<Step> = {}): Step => ({
  text,
  draft: [],
  sampling: greedySampling,
  ends: new Set(),
  ...more,
});

describe.each(ways)('a decoder that is cut: %j', (way) => {
  it.each([
    ['likeliest', {}],
    ['drawn', { sampling: drawn }],
    ['drafted', { draftTokens: 5 }],
    ['drawn and drafted', { sampling: drawn, draftTokens: 3 }],
  ])('says what the whole one says, %s', async (_, request) => {
    await using split = await bench.split(way);
    expect(await tokensOf(split, request)).toEqual(await tokensOf(bench.whole, request));
  });

  it('goes on from the beginning of a text, and from a copy of it', async () => {
    await using split = await bench.split(way);
    const own = split.sequence();
    const first = await tokensOf(split, { sequence: own });
    const text = [...prompt, ...first];
    const copy = split.clone(own, 15);
    const other = [...text.slice(0, 15), 7, 7];
    const [onward, beside] = await Promise.all([
      tokensOf(split, { prompt: [...text, 1], sequence: own }),
      tokensOf(split, { prompt: other, sequence: copy, sampling: drawn }),
    ]);
    expect(onward).toEqual(await tokensOf(bench.whole, { prompt: [...text, 1] }));
    expect(beside).toEqual(await tokensOf(bench.whole, { prompt: other, sampling: drawn }));
    split.truncate(own, 4);
    const back = [...text.slice(0, 4), 50];
    expect(await tokensOf(split, { prompt: back, sequence: own })).toEqual(
      await tokensOf(bench.whole, { prompt: back }),
    );
    split.drop(own);
    split.drop(copy);
    await expect(split.next(own, step(text))).rejects.toMatchObject({ code: 'CUT_DISPOSED' });
  });

  it('keeps texts apart that are continued at once', async () => {
    await using split = await bench.split(way);
    const prompts = [1, 2, 3, 4].map((token) => [...prompt, token]);
    const found = await Promise.all(prompts.map((each) => tokensOf(split, { prompt: each })));
    const expected = [];
    for (const each of prompts) expected.push(await tokensOf(bench.whole, { prompt: each }));
    expect(found).toEqual(expected);
  });

  it('goes on with the same text when the server has forgotten it', async () => {
    const server = await serveHere(bench.made.folder);
    await using split = await bench.split({ ...way, servers: [{ url: server.url }] });
    const sequence = split.sequence();
    const text = [...prompt];
    for (let i = 0; i < 6; i++) text.push(...(await split.next(sequence, step(text, { sampling: drawn }))).tokens);
    await server[Symbol.asyncDispose]();
    await using again = await serveHere(bench.made.folder, {}, server.url);
    for (let i = 0; i < 6; i++) text.push(...(await split.next(sequence, step(text, { sampling: drawn }))).tokens);
    expect(text.slice(prompt.length)).toEqual(await tokensOf(bench.whole, { maxTokens: 12, sampling: drawn }));
    expect(again.host.counts.sequences).toBe(1);
  });
});

describe('a decoder that is cut', () => {
  it('goes on at another server when one is lost, also in the middle of a pass with drafts', async () => {
    await using first = await serveHere(bench.made.folder);
    await using second = await serveHere(bench.made.folder);
    await using split = await bench.split({ at: 1, servers: [{ url: first.url }, { url: second.url }] });
    const expected = await tokensOf(bench.whole, { maxTokens: 60 });
    const found: number[] = [];
    const texts = tokensOf(split, { maxTokens: 60, draftTokens: 4 }).then((tokens) => found.push(...tokens));
    await expect.poll(() => first.host.counts.sequences).toBe(1);
    await first.listener.close({ graceMs: 0 });
    await texts;
    expect(found).toEqual(expected);
  });

  it('leaves a text as it was when a pass is cancelled, wherever it is at that moment', async () => {
    await using split = await bench.split({ at: 1 });
    const sequence = split.sequence();
    const [first] = (await split.next(sequence, step(prompt))).tokens;
    const long = [...prompt, first ?? 0, ...Array.from({ length: 80 }, (_, i) => i % 64)];
    for (const afterMs of [0, 1, 2, 4, 8]) {
      const source = new CancelSource();
      const pass = split.next(sequence, step(long, { signal: source }));
      setTimeout(() => source.abort(new CutpointError('CUT_CANCELLED', 'Enough.')), afterMs);
      const outcome = await pass.then(
        () => 'done',
        (error: CutpointError) => error.message,
      );
      expect(['Enough.', 'done']).toContain(outcome);
      if (outcome === 'done') split.truncate(sequence, prompt.length);
    }
    const { tokens } = await split.next(sequence, step([...prompt, first ?? 0]));
    expect(tokens).toEqual((await tokensOf(bench.whole, { maxTokens: 2 })).slice(1));
  });

  it('says what a pass cost, and a token costs few bytes beside its hidden state', async () => {
    await using split = await bench.split({ at: 2 });
    const sequence = split.sequence();
    const [sampling, ends] = [{ ...greedySampling }, new Set<number>()];
    const { tokens } = await split.next(sequence, step(prompt, { sampling, ends }));
    const { cost: usual } = await split.next(sequence, step([...prompt, ...tokens], { sampling, ends }));
    expect(usual.agentMs).toBeGreaterThan(0);
    expect(usual.serverMs).toBeGreaterThan(0);
    const { up, down } = passFrameBytes();
    // A short text and a small vocabulary take fewer bytes than usual.
    expect(usual.upBytes - bench.made.manifest.config.hiddenSize * 4).toBeLessThanOrEqual(up);
    expect(usual.upBytes - bench.made.manifest.config.hiddenSize * 4).toBeGreaterThan(up - 5);
    expect(usual.downBytes).toBeLessThanOrEqual(down + 2);
    expect(usual.downBytes).toBeGreaterThan(down - 1);
  });

  it('needs no server for a cut behind the last layer', async () => {
    await using split = await bench.split({ at: 3, servers: [] });
    expect(await tokensOf(split)).toEqual(await tokensOf(bench.whole));
  });

  it('carries hidden states by any codec', async () => {
    for (const codec of ['f16', 'affine:bits=8,per=token', 'ts-tabq:delta=1e-4+rans']) {
      await using split = await bench.split({ at: 1, codec });
      const found = await tokensOf(split);
      expect(found).toHaveLength(24);
      expect(found.slice(0, 2)).toEqual((await tokensOf(bench.whole)).slice(0, 2));
    }
  });
});

describe('a decoder that is cut, by tables', () => {
  const made = { at: 2, layers: 3 };
  let up: TestTable;
  let down: TestTable;
  const tables = async () => new Map([...up.tables, ...down.tables]);

  beforeAll(async () => {
    const texts = [Array.from({ length: 100 }, (_, i) => (i * i + 3 * i) % 64)];
    up = await tableAt(bench.made, made.at, texts, 0.1);
    down = await tableAt(bench.made, made.layers, texts, 0.1);
  });

  const across = async (more: { readonly answerCodec?: TestTable['codec'] } = {}) =>
    (await textAcross({ front: bench.made, back: bench.made, at: 2, codec: up.codec, prompt, tokens: 24, ...more }))
      .tokens;

  it.each([
    ['token by token', {}],
    ['with drafts', { draftTokens: 5 }],
  ])('says what one process does whose hidden states cross by them, %s', async (_, request) => {
    await using split = await bench.split({ at: made.at, codec: up.spec, tables });
    expect(await tokensOf(split, request)).toEqual(await across());
    await using hides = await bench.split({
      at: made.at,
      codec: up.spec,
      answerCodec: down.spec,
      tables,
      private: true,
    });
    expect(await tokensOf(hides, request)).toEqual(await across({ answerCodec: down.codec }));
  });

  it('goes on with the same text at a server that has never seen the table', async () => {
    await using first = await serveHere(bench.made.folder);
    await using second = await serveHere(bench.made.folder);
    const servers = [{ url: first.url }, { url: second.url }];
    await using split = await bench.split({ at: made.at, codec: up.spec, tables, servers });
    const sequence = split.sequence();
    const text = [...prompt];
    for (let i = 0; i < 24; i++) {
      if (i === 12) await first.listener.close({ graceMs: 0 });
      text.push(...(await split.next(sequence, step(text))).tokens);
    }
    expect(text.slice(prompt.length)).toEqual(await across());
    expect(second.host.counts.sequences).toBe(1);
  });

  it('sends them again to a server that had no room to keep them', async () => {
    const [one, other] = await Promise.all([0.1, 0.3].map((by) => tableAt(bench.made, made.at, [prompt], by)));
    if (one === undefined || other === undefined) throw new Error('There is no table.');
    const files = [one, other].flatMap((each) => [...each.tables.values()].map(printTransformTable));
    const maxSentTableBytes = Math.max(...files.map(({ length }) => length));
    await using server = await serveHere(bench.made.folder, { maxSentTableBytes });
    const options = { at: made.at, servers: [{ url: server.url }] };
    await using first = await bench.split({ ...options, codec: one.spec, tables: async () => one.tables });
    await using second = await bench.split({ ...options, codec: other.spec, tables: async () => other.tables });
    for (const split of [first, second, first]) expect(await tokensOf(split, { maxTokens: 3 })).toHaveLength(3);
  });

  it('are refused where a side lacks them, and where they are of another cut, in one sentence', async () => {
    const none = await serveHere(bench.made.folder, { maxSentTableBytes: 0 });
    await using own = await serveHere(bench.made.folder, { maxSentTableBytes: 0, tables });
    const open = async (options: Parameters<SplitBench['split']>[0]) => {
      await using split = await bench.split({ giveUpMs: 200, tables, ...options });
      return await tokensOf(split);
    };
    const refused = (words: RegExp) => ({ code: 'CUT_CODEC_TABLE', message: expect.stringMatching(words) });
    const asked = { at: made.at, codec: up.spec };
    const withoutTables = open({ ...asked, tables: undefined });
    await expect(withoutTables).rejects.toMatchObject(refused(/no table .* give --codec-tables/));
    await expect(open({ ...asked, at: 1 })).rejects.toMatchObject(refused(/is of cut 2, not of cut 1/));
    const bothWays = open({ ...asked, answerCodec: up.spec, private: true });
    await expect(bothWays).rejects.toMatchObject(refused(/is of cut 2, not of cut 3/));
    await expect(open({ ...asked, answerCodec: down.spec })).rejects.toMatchObject({ code: 'CUT_USAGE' });
    const toNone = open({ ...asked, servers: [{ url: none.url }] });
    await expect(toNone).rejects.toMatchObject(refused(/is not on the server, which takes none from agents/));
    expect(await open({ ...asked, servers: [{ url: own.url }] })).toEqual(await across());
    await none[Symbol.asyncDispose]();
  });
});

describe('two packages of one model', () => {
  it('are joined, and each side says what its layers are stored in', async () => {
    await using other = await temporaryPackage(randomFloats(threeLayers, 6));
    await using server = await serveHere(other.folder);
    await using split = await bench.split({ at: 1, servers: [{ url: server.url }] });
    const codec = openHiddenCodec('raw', threeLayers.hiddenSize);
    const joined = await textAcross({ front: bench.made, back: other, at: 1, codec, prompt, tokens: 24 });
    expect(await tokensOf(split)).toEqual(joined.tokens);
    expect(joined.tokens).not.toEqual(await tokensOf(bench.whole));
    expect((split as SplitDecoder).widths).toEqual({ agent: 'f32', server: 'f32' });
  });
});

describe('what cannot be split', () => {
  const open = async (options: Parameters<SplitBench['split']>[0]) => {
    await using _ = await bench.split({ giveUpMs: 200, ...options });
  };

  it.each([
    ['a cut that there is not', { at: 4 }, 'CUT_ILLEGAL_CUT'],
    ['a cut without a server', { at: 1, servers: [] }, 'CUT_USAGE'],
    ['a codec of streams', { at: 1, codec: 'delta+raw' }, 'CUT_USAGE'],
    ['a codec whose table is not here', { at: 1, codec: 'transform:table=x-0123456789abcdef' }, 'CUT_CODEC_TABLE'],
    ['a server that is not there', { at: 1, servers: [{ url: 'memory:nobody' }] }, 'CUT_UNREACHABLE'],
  ])('%s is refused before anything is computed', async (_, options, code) => {
    await expect(open(options)).rejects.toMatchObject({ code });
  });

  it('with a server that has another model, or serves another cut', async () => {
    await using other = await temporaryPackage({ ...randomFloats(threeLayers, 5), checkpoint: 'f'.repeat(64) });
    const options = { at: 1, servers: [{ url: bench.server.url }], giveUpMs: 200 };
    await expect(openSplitDecoder(other.folder, other.manifest, options)).rejects.toMatchObject({
      code: 'CUT_MODEL_MISMATCH',
    });
    await using fixed = await serveHere(bench.made.folder, { at: 2 });
    await expect(open({ at: 1, servers: [{ url: fixed.url }] })).rejects.toMatchObject({ code: 'CUT_ILLEGAL_CUT' });
    await using split = await bench.split({ at: 2, servers: [{ url: fixed.url }] });
    expect(await tokensOf(split)).toEqual(await tokensOf(bench.whole));
  });
});
