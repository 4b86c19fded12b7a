import { openLog } from '@cutpoint/daemon';
import { type HttpServer, startHttp } from '@cutpoint/http';
import OpenAI, { APIError } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PoolLimits } from '../conversation/sequence-pool.js';
import { openSmallModel } from '../conversation/small-model.testing.js';
import { TextModel } from '../conversation/text-model.js';
import type { LanguageModel } from '../decode/language-model.js';
import { textDoor } from './serve-text-model.js';

const log = openLog({ name: 'test', level: 'silent', format: 'json' });

/** What the client says of the extensions of usage. */
type Told = OpenAI.CompletionUsage & { readonly cutpoint_cost: { readonly passes: number; readonly up_bytes: number } };

let opened: LanguageModel;
let server: HttpServer;
let client: OpenAI;
const servers: HttpServer[] = [];

async function serve(limits: Partial<PoolLimits> = {}, parts: Partial<LanguageModel> = {}): Promise<OpenAI> {
  const model = new TextModel({ name: 'small', ...opened, ...parts }, limits);
  server = await startHttp({
    host: '127.0.0.1',
    port: 0,
    access: { anonymous: { from: 'loopback', scopes: ['infer', 'read'] } },
    graceMs: 100,
    ...textDoor({ model, health: () => ({ ready: true }), log }),
  });
  servers.push(server);
  return new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'any', maxRetries: 0, timeout: 20_000 });
}

beforeAll(async () => {
  opened = await openSmallModel();
  client = await serve();
});
afterAll(async () => {
  for (const one of servers) await one[Symbol.asyncDispose]();
  await opened[Symbol.asyncDispose]();
});

const plain = { model: 'small', temperature: 0 } as const;

async function refusal(
  asked: Promise<unknown>,
): Promise<{ status: unknown; code: unknown; type: unknown; message: string }> {
  const error = await asked.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof APIError)) throw new Error('it was not refused', { cause: error });
  const { status, code, type, message } = error;
  return { status, code, type, message };
}

describe('the models', () => {
  it('are listed, and found by their names', async () => {
    const listed = [];
    for await (const model of client.models.list()) listed.push(model);
    expect(listed).toEqual([
      { id: 'small', object: 'model', created: expect.any(Number), owned_by: 'cutpoint', context_length: 512 },
    ]);
    expect(await client.models.retrieve('small')).toEqual(listed[0]);
    expect(await refusal(client.models.retrieve('gpt-5'))).toEqual({
      status: 404,
      code: 'CUT_NOT_FOUND',
      type: 'not_found_error',
      message: '404 There is no model "gpt-5"; the one here is "small".',
    });
    expect(await refusal(client.completions.create({ model: 'gpt-5', prompt: 'x' }))).toMatchObject({ status: 404 });
  });
});

describe('a completion', () => {
  it('is the text that the model goes on with, with the tokens it took', async () => {
    const answer = await client.completions.create({ ...plain, prompt: 'Once upon', max_tokens: 20 });
    expect(answer).toMatchObject({
      id: expect.stringMatching(/^cmpl-/),
      object: 'text_completion',
      model: 'small',
      choices: [{ index: 0, text: expect.any(String), logprobs: null, finish_reason: 'length' }],
      usage: { prompt_tokens: 9, completion_tokens: 20, total_tokens: 29 },
    });
    expect((answer.usage as Told).cutpoint_cost).toMatchObject({ passes: 20, up_bytes: 0 });
    expect((await client.completions.create({ ...plain, prompt: 'Once upon' })).usage?.completion_tokens).toBe(16);
    const tokens = opened.tokenizer.encode('Once upon');
    for (const prompt of [tokens, [tokens], ['Once upon']] as (number[] | number[][] | string[])[]) {
      const same = await client.completions.create({ ...plain, prompt, max_tokens: 20 });
      expect(same.choices[0]?.text).toBe(answer.choices[0]?.text);
    }
  });

  it('comes as a stream of the same text, with the usage where it is asked for', async () => {
    const asked = { ...plain, prompt: 'Once upon', max_tokens: 20 };
    const whole = await client.completions.create(asked);
    const stream = await client.completions.create({ ...asked, stream: true, stream_options: { include_usage: true } });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(chunks.map(({ choices }) => choices[0]?.text ?? '').join('')).toBe(whole.choices[0]?.text);
    expect(
      chunks.flatMap(({ choices }) => choices.map((choice) => choice.finish_reason)).filter((one) => one !== null),
    ).toEqual(['length']);
    expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: 9, completion_tokens: 20 } });
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
  });

  it('ends before a stop string, in a stream as well', async () => {
    const { text } = (await client.completions.create({ ...plain, prompt: 'Once', max_tokens: 40 })).choices[0] ?? {};
    const stop = text?.slice(12, 15) ?? '';
    const expected = text?.slice(0, text.indexOf(stop));
    const asked = { ...plain, prompt: 'Once', max_tokens: 40, stop: [stop, 'never'] };
    const whole = await client.completions.create({ ...asked, stop });
    expect(whole.choices[0]).toMatchObject({ text: expected, finish_reason: 'stop' });
    let streamed = '';
    for await (const { choices } of await client.completions.create({ ...asked, stream: true })) {
      streamed += choices[0]?.text ?? '';
    }
    expect(streamed).toBe(expected);
  });

  it('is drawn by its seed, and another each time without one', async () => {
    const draw = async (seed?: number) => {
      const asked = { model: 'small', prompt: 'Once', max_tokens: 40, ...(seed === undefined ? {} : { seed }) };
      return (await client.completions.create(asked)).choices[0]?.text;
    };
    expect(await draw(7)).toBe(await draw(7));
    expect(new Set([await draw(7), await draw(8), await draw(), await draw()]).size).toBe(4);
    const narrow = { top_k: 1, min_p: 0.5, repetition_penalty: 1 };
    const likeliest = await client.completions.create({ model: 'small', prompt: 'Once', max_tokens: 40, ...narrow });
    const greedy = await client.completions.create({ ...plain, prompt: 'Once', max_tokens: 40 });
    expect(likeliest.choices[0]?.text).toBe(greedy.choices[0]?.text);
  });
});

describe('a conversation', () => {
  const first = { role: 'user', content: 'Hello there' } as const;

  it('is answered, and the next turn does not run the turns before again', async () => {
    const answer = await client.chat.completions.create({ ...plain, messages: [first], max_completion_tokens: 12 });
    expect(answer).toMatchObject({
      id: expect.stringMatching(/^chatcmpl-/),
      object: 'chat.completion',
      choices: [{ index: 0, message: { role: 'assistant', content: expect.any(String) }, finish_reason: 'length' }],
      usage: { prompt_tokens: '<user>Hello there\n<assistant>'.length, completion_tokens: 12 },
    });
    const messages = [first, { role: 'assistant', content: 'ok' } as const, { role: 'user', content: 'And?' } as const];
    const next = await client.chat.completions.create({ ...plain, messages, max_tokens: 4 });
    // Up to where the answer begins: the words of the answer are others here.
    expect(next.usage?.prompt_tokens_details?.cached_tokens).toBe('<user>Hello there\n<assistant>'.length);
  });

  it('may have parts of text, and comes as a stream that says who speaks', async () => {
    const content = ['Hello', ' there'].map((text) => ({ type: 'text' as const, text }));
    const asked = { ...plain, messages: [{ role: 'user' as const, content }], max_tokens: 12 };
    const whole = await client.chat.completions.create({ ...plain, messages: [first], max_tokens: 12 });
    const deltas = [];
    for await (const { choices } of await client.chat.completions.create({ ...asked, stream: true })) {
      deltas.push(choices[0]);
    }
    expect(deltas[0]?.delta).toEqual({ role: 'assistant', content: '' });
    expect(deltas.map((choice) => choice?.delta.content ?? '').join('')).toBe(whole.choices[0]?.message.content);
    expect(deltas.at(-1)).toMatchObject({ delta: {}, finish_reason: 'length' });
  });

  it('needs a chat template', async () => {
    const without = await serve({}, { template: () => undefined });
    expect(await refusal(without.chat.completions.create({ ...plain, messages: [first] }))).toMatchObject({
      status: 400,
      code: 'CUT_CHAT_TEMPLATE',
      message: expect.stringContaining('knows no conversations'),
    });
  });
});

describe('several requests at once', () => {
  it('get what each gets alone', async () => {
    const prompts = ['Once upon a time', 'Once upon a hill', 'Something else'];
    const ask = async (prompt: string) =>
      (await client.completions.create({ ...plain, prompt, max_tokens: 60 })).choices[0]?.text;
    const alone = [];
    for (const prompt of prompts) alone.push(await ask(prompt));
    expect(await Promise.all(prompts.map(ask))).toEqual(alone);
  });

  it('are refused with 429 and when to come back where too many wait', async () => {
    const narrow = await serve({ maxRunning: 1, maxWaiting: 0 });
    const stream = await narrow.completions.create({ ...plain, prompt: 'x', max_tokens: 400, stream: true });
    const refused = await fetch(`${server.url}/v1/completions`, {
      method: 'POST',
      body: JSON.stringify({ model: 'small', prompt: 'y' }),
    });
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
    expect(await refused.json()).toMatchObject({ error: { code: 'CUT_OVERLOADED', type: 'rate_limit_error' } });
    stream.controller.abort();
  });
});

describe('a client that goes', () => {
  it('frees its turn at once, and what it leaves is good', async () => {
    const narrow = await serve({ maxRunning: 1, maxWaiting: 1 });
    const asked = { ...plain, prompt: 'Once upon a time', max_tokens: 450 };
    const expected = await client.completions.create({ ...asked, max_tokens: 100 });
    for (let time = 0; time < 3; time++) {
      const stream = await narrow.completions.create({ ...asked, stream: true });
      for await (const _ of stream) break; // leaves, which aborts the request
      const whole = new AbortController();
      const waiting = narrow.completions.create(asked, { signal: whole.signal });
      setTimeout(() => whole.abort(), 30);
      await expect(waiting).rejects.toThrow();
    }
    const startedAtMs = performance.now();
    const after = await narrow.completions.create({ ...asked, max_tokens: 100 });
    expect(performance.now() - startedAtMs).toBeLessThan(10_000);
    expect(after.choices[0]?.text).toBe(expected.choices[0]?.text);
    expect(after.usage?.prompt_tokens_details?.cached_tokens).toBe(15);
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toContain('cutpoint_requests_total{model="small",outcome="CUT_CANCELLED"} 6');
    expect(metrics).toContain('cutpoint_tokens_total{model="small",kind="completion"} 100');
  });
});

describe('a wrong request', () => {
  const messages = [{ role: 'user', content: 'x' }];
  const send = async (path: string, body: unknown) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const response = await fetch(`${server.url}/v1/${path}`, { method: 'POST', body: text });
    const { error } = (await response.json()) as { error: { message: string; type: string; code: string } };
    return [response.status, error.code, error.message];
  };

  it.each([
    ['no JSON', '{', 'CUT_HTTP', /not valid JSON/],
    ['a key that is not allowed', '{"__proto__": {}}', 'CUT_HTTP', /__proto__/],
    ['no prompt', { model: 'small' }, 'CUT_USAGE', /prompt/],
    ['no model', { prompt: 'x' }, 'CUT_USAGE', /lacks model/],
    ['several prompts', { model: 'small', prompt: ['a', 'b'] }, 'CUT_USAGE', /prompt/],
    ['several choices', { model: 'small', prompt: 'x', n: 2 }, 'CUT_USAGE', /n: more than one choice is not supported/],
    ['a penalty', { model: 'small', prompt: 'x', presence_penalty: 0.5 }, 'CUT_USAGE', /presence penalty/],
    ['logprobs', { model: 'small', prompt: 'x', logprobs: 3 }, 'CUT_USAGE', /logprobs is not supported/],
    ['a temperature below 0', { model: 'small', prompt: 'x', temperature: -1 }, 'CUT_USAGE', /temperature/],
    ['what nobody knows', { model: 'small', prompt: 'x', mirostat: 2 }, 'CUT_USAGE', /mirostat/],
    ['an empty stop', { model: 'small', prompt: 'x', stop: '' }, 'CUT_USAGE', /stop/],
    ['options of no stream', { model: 'small', prompt: 'x', stream_options: {} }, 'CUT_USAGE', /no stream/],
    ['tokens that there are not', { model: 'small', prompt: [1, 5000] }, 'CUT_INPUT', /no token 5000/],
    ['no token', { model: 'small', prompt: '' }, 'CUT_INPUT', /no tokens/],
    ['more than the context', { model: 'small', prompt: 'x'.repeat(600) }, 'CUT_INPUT', /600 tokens.* takes 512/],
  ])('for a completion is refused in OpenAI’s form: %s', async (_, body, code, message) => {
    expect(await send('completions', body)).toEqual([400, code, expect.stringMatching(message)]);
  });

  it.each([
    ['no messages', { model: 'small', messages: [] }, /messages/],
    ['a picture', { model: 'small', messages: [{ role: 'user', content: [{ type: 'image_url' }] }] }, /messages/],
    ['a tool that speaks', { model: 'small', messages: [{ role: 'tool', content: 'x' }] }, /only system, user and/],
    ['tools', { model: 'small', messages, tools: [{ type: 'function' }] }, /tools is not supported/],
    ['JSON as an answer', { model: 'small', messages, response_format: { type: 'json_object' } }, /only text/],
    ['logprobs', { model: 'small', messages, logprobs: true }, /logprobs/],
  ])('for a conversation is refused: %s', async (_, body, message) => {
    expect(await send('chat/completions', body)).toEqual([400, 'CUT_USAGE', expect.stringMatching(message)]);
  });

  it('is refused with 413 where it is too large, and with 401 where nobody knows who asks', async () => {
    const nested = `{"model":"small","prompt":${'['.repeat(50)}${']'.repeat(50)}}`;
    expect(await send('completions', nested)).toEqual([413, 'CUT_HTTP', expect.stringContaining('deeper than 32')]);
    const headers = { origin: 'https://example.org' };
    const page = await fetch(`${server.url}/v1/models`, { headers });
    expect([page.status, await page.json()]).toEqual([
      401,
      { error: { message: expect.any(String), type: 'authentication_error', param: null, code: 'CUT_UNAUTHORISED' } },
    ]);
  });

  it('takes what says nothing', async () => {
    const nothing = { n: 1, frequency_penalty: 0, presence_penalty: null, logit_bias: {}, user: 'me', stop: null };
    const answer = await client.completions.create({ ...plain, prompt: 'x', max_tokens: 2, ...nothing });
    expect(answer.usage?.completion_tokens).toBe(2);
  });
});

describe('/openapi.json', () => {
  it('describes what is served', async () => {
    const { paths } = (await (await fetch(`${server.url}/openapi.json`)).json()) as { paths: Record<string, object> };
    const guarded = ['/v1/models', '/v1/models/{id}', '/v1/completions', '/v1/chat/completions'];
    expect(Object.keys(paths)).toEqual(expect.arrayContaining(guarded));
    expect(JSON.stringify(paths['/v1/completions'])).toContain('"repetition_penalty"');
    expect(paths['/v1/completions']).toMatchObject({ post: { security: [{ token: [] }] } });
  });
});
