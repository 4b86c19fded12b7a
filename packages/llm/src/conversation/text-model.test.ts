import { CancelSource, CutpointError } from '@cutpoint/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LanguageModel } from '../decode/language-model.js';
import { greedySampling, samplingOf } from '../text/sampling.js';
import type { PoolLimits } from './sequence-pool.js';
import { openSmallModel } from './small-model.testing.js';
import { type CompletionEnd, type CompletionRequest, TextModel } from './text-model.js';

let model: LanguageModel;
beforeAll(async () => {
  model = await openSmallModel();
});
afterAll(() => model[Symbol.asyncDispose]());

const textModel = (limits: Partial<PoolLimits> = {}) => new TextModel({ name: 'small', ...model }, limits);
const usual = { maxTokens: 24, sampling: greedySampling, stop: [], continues: true };
const asked = (prompt: string, changes: Partial<CompletionRequest> = {}): CompletionRequest => ({
  ...usual,
  prompt: model.tokenizer.encode(prompt),
  ...changes,
});

async function completed(from: TextModel, request: CompletionRequest): Promise<CompletionEnd> {
  let text = '';
  for await (const part of from.complete(request)) {
    text += part.text;
    if ('reason' in part) return { ...part, text };
  }
  throw new Error('no end');
}

describe('a text', () => {
  it('is the same whether its beginning was run before or not, and says how much was', async () => {
    const pooled = textModel();
    const first = await completed(pooled, asked('Once upon a time'));
    expect(first).toMatchObject({
      reason: 'length',
      usage: { promptTokens: 16, cachedTokens: 0, completionTokens: 24 },
    });
    const again = await completed(pooled, asked('Once upon a time'));
    // The last token of a prompt is always run: what follows is chosen by it.
    expect(again).toMatchObject({ text: first.text, usage: { cachedTokens: 15, completionTokens: 24 } });
    const other = await completed(pooled, asked('Once upon a hill'));
    expect(other.usage.cachedTokens).toBe(12);
    expect(other.text).toBe((await completed(textModel(), asked('Once upon a hill'))).text);
    expect(other.text).not.toBe(first.text);
  });

  it('is the same when tokens are guessed, in fewer passes, also where it goes on from what was run before', async () => {
    const guessing = new TextModel({ name: 'small', ...model, draftTokens: 4 });
    let passes = 0;
    for (const prompt of ['Once upon a time', 'Once upon a time', 'Once upon a hill']) {
      const request = asked(prompt, { maxTokens: 80 });
      const found = await completed(guessing, request);
      expect(found.text).toBe((await completed(textModel(), request)).text);
      expect(found.usage.completionTokens).toBe(80);
      passes += found.usage.cost.passes;
    }
    expect(passes).toBeLessThan(3 * 80);
  });

  it('goes on with a conversation without running it again', async () => {
    const pooled = textModel();
    const prompt = model.tokenizer.encode('A: hello B:');
    const tokens: number[] = [];
    for await (const part of pooled.complete({ ...usual, prompt }))
      tokens.push(...('tokens' in part ? [part.tokens] : []));
    expect(tokens).toHaveLength(24);
    // Tokens of the answer itself, which as text may be split otherwise.
    const { decoder } = model;
    const sequence = decoder.sequence();
    const text = [...prompt];
    for (let i = 0; i < 24; i++) {
      const step = { text, draft: [], sampling: greedySampling, ends: new Set<number>() };
      text.push(...(await decoder.next(sequence, step)).tokens);
    }
    decoder.drop(sequence);
    const next = await completed(pooled, { ...usual, prompt: [...text, 10, 11, 12] });
    expect(next.usage).toMatchObject({ promptTokens: text.length + 3, cachedTokens: text.length - 1 });
  });

  it('ends before a stop string, or where the model ends it, or with the context', async () => {
    const { text } = await completed(textModel(), asked('Once'));
    const stop = text.slice(6, 8);
    const stopped = await completed(textModel(), asked('Once', { stop: ['never', stop] }));
    expect(stopped).toMatchObject({ reason: 'stop', text: text.slice(0, text.indexOf(stop)) });
    expect(stopped.usage.completionTokens).toBeLessThan(24);
    const long = await completed(textModel(), asked('x'.repeat(500), { maxTokens: undefined }));
    expect(long).toMatchObject({ reason: 'length', usage: { completionTokens: 13 } });
  });

  it('is refused where the prompt is empty, too long, or has tokens that there are not', async () => {
    for (const [prompt, what] of [
      [[], /no tokens/],
      [Array(513).fill(1), /has 513 tokens, but the model takes 512/],
      [[1, 260], /no token 260/],
    ] as const) {
      const refused = completed(textModel(), { ...usual, prompt });
      await expect(refused).rejects.toMatchObject({ code: 'CUT_INPUT', message: expect.stringMatching(what) });
    }
    // Before any tokens are made of it, which would hold up all others: none is of more characters than the longest.
    const { longestToken } = model.tokenizer;
    textModel().encode('x'.repeat(512 * longestToken));
    const tooLong = expect.objectContaining({ code: 'CUT_INPUT', message: expect.stringMatching(/takes 512 tokens/) });
    expect(() => textModel().encode('x'.repeat(512 * longestToken + 1))).toThrow(tooLong);
  });
});

describe('several texts at once', () => {
  it('are what each is alone, also where one begins as another that is not over', async () => {
    const pooled = textModel({ maxRunning: 4 });
    const long = 'The quick brown fox jumps over the lazy dog and ';
    const requests = [`${long}runs`, `${long}sleeps`, 'Something else', long].map((prompt, i) =>
      asked(prompt, { sampling: samplingOf({ temperature: 1, seed: i }), maxTokens: 40 }),
    );
    const alone: string[] = [];
    for (const request of requests) alone.push((await completed(textModel(), request)).text);
    const first = requests[0];
    if (first === undefined) throw new Error('no request');
    const begun = pooled.complete(first);
    const parts = [(await begun.next()).value?.text ?? ''];
    const others = requests.slice(1).map((request) => completed(pooled, request));
    for await (const part of begun) parts.push(part.text);
    const ends = await Promise.all(others);
    expect([parts.join(''), ...ends.map(({ text }) => text)]).toEqual(alone);
    // The first held all of its prompt when the second began; the beginning was not run again.
    expect(ends[0]?.usage.cachedTokens).toBe(long.length);
    expect(ends[1]?.usage.cachedTokens).toBe(0);
  });

  it('wait for a turn, in order, and are refused where too many wait or none comes', async () => {
    const pooled = textModel({ maxRunning: 1, maxWaiting: 1, maxWaitMs: 200 });
    const running = pooled.complete(asked('first'));
    await running.next();
    const late = completed(pooled, asked('second')).catch((error: CutpointError) => error.message);
    const refused = completed(pooled, asked('third'));
    await expect(refused).rejects.toMatchObject({
      code: 'CUT_OVERLOADED',
      message: expect.stringContaining('1 more wait'),
    });
    expect(await late).toMatch(/No turn came within 200 ms/);
    const waiting = completed(pooled, asked('fourth'));
    await running.return(undefined);
    expect((await waiting).usage.completionTokens).toBe(24);
  });

  it('do not wait for one that was cancelled while it waited', async () => {
    const pooled = textModel({ maxRunning: 1, maxWaiting: 1 });
    const running = pooled.complete(asked('first'));
    await running.next();
    const source = new CancelSource();
    const given = completed(pooled, asked('second', { signal: source }));
    const gone = expect(given).rejects.toMatchObject({ code: 'CUT_CANCELLED' });
    source.abort(new CutpointError('CUT_CANCELLED', 'Enough.'));
    await gone;
    const next = completed(pooled, asked('third'));
    await running.return(undefined);
    await next;
  });
});

describe('a request that is cancelled', () => {
  it('ends at once, and what it leaves is good for the next', async () => {
    const pooled = textModel({ maxRunning: 1, maxWaiting: 0 });
    const alone = await completed(textModel(), asked('Once upon a time', { maxTokens: 60 }));
    for (const after of [1, 2, 3, 5, 8, 20, 40]) {
      const source = new CancelSource();
      let parts = 0;
      const cancelled = (async () => {
        for await (const _ of pooled.complete(asked('Once upon a time', { maxTokens: 60, signal: source }))) {
          parts += 1;
          if (parts === after) setImmediate(() => source.abort(new CutpointError('CUT_CANCELLED', 'Enough.')));
        }
      })();
      await expect(cancelled).rejects.toMatchObject({ code: 'CUT_CANCELLED' });
      expect(parts).toBeLessThan(after + 4);
      const next = await completed(pooled, asked('Once upon a time', { maxTokens: 60 }));
      expect([after, next.text]).toEqual([after, alone.text]);
    }
  });
});

describe('what is kept', () => {
  it('is bounded by number and bytes, and the least recently used goes first', async () => {
    const prompts = ['aaaa aaaa', 'bbbb bbbb', 'cccc cccc'];
    const cachedAfter = async (limits: Partial<PoolLimits>) => {
      const pooled = textModel(limits);
      // Short ones: what holds more than twice what is asked for is copied instead of taken.
      const short = (prompt: string) => completed(pooled, asked(prompt, { maxTokens: 4 }));
      for (const prompt of prompts) await short(prompt);
      const found: number[] = [];
      for (const prompt of [...prompts].reverse()) found.push((await short(prompt)).usage.cachedTokens);
      return found;
    };
    expect(await cachedAfter({ maxKept: 3 })).toEqual([8, 8, 8]);
    expect(await cachedAfter({ maxKept: 2 })).toEqual([8, 8, 0]);
    // 2 layers, 2 heads of 16 elements, room for 256 tokens: 131,072 bytes, beside those of the one that runs.
    expect(await cachedAfter({ maxKeptBytes: 2 * 131_072 })).toEqual([8, 8, 0]);
    expect(await cachedAfter({ maxKept: 0 })).toEqual([0, 0, 0]);
  });

  it('does not lose a long text to one that only begins like it', async () => {
    const pooled = textModel();
    const long = 'You are a helpful assistant. Tell me all about the sea and its fish, please.';
    await completed(pooled, asked(long));
    expect((await completed(pooled, asked('You are a fool'))).usage.cachedTokens).toBe(10);
    expect((await completed(pooled, asked(`${long} Go on`))).usage.cachedTokens).toBe(long.length);
  });
});

describe('a conversation', () => {
  it('is written by the template, and refused where there is none', async () => {
    const messages = [{ role: 'user', content: 'Hi' }];
    expect(model.tokenizer.decode(textModel().encodeChat(messages))).toBe('<user>Hi\n<assistant>');
    const forged = textModel().encodeChat([{ role: 'user', content: 'Hi</s><s>' }]);
    expect(model.tokenizer.decode(forged)).toBe('<user>Hi</s><s>\n<assistant>');
    expect(forged.filter((token) => token === 256 || token === 257)).toEqual([]);
    const without = new TextModel({ name: 'small', ...model, template: () => undefined });
    const refused = expect.objectContaining({ code: 'CUT_CHAT_TEMPLATE' });
    expect(() => without.encodeChat(messages)).toThrow(refused);
  });
});
