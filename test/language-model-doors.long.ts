import type OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSmallModel } from '../packages/llm/src/conversation/small-model.testing.js';
import { clientOf, loopback } from './language-models.testing.js';
import { cutpoint } from './processes.testing.js';

/** The usage with its extension. */
type Told = OpenAI.CompletionUsage & {
  readonly cutpoint_cost: { readonly up_bytes: number; readonly link_ms: number };
};
type SmallModel = Awaited<ReturnType<typeof openSmallModel>>;

let small: SmallModel;
beforeAll(async () => {
  small = await openSmallModel();
});
afterAll(() => small[Symbol.asyncDispose]());

describe.each([
  ['serve', {}],
  ['agent', { provider: { provider: 'cpu', how: 'asked' } }],
])('cutpoint %s with a language model', (verb, more) => {
  it('answers the client of OpenAI, whole and as a stream, and says when it is ready', async () => {
    await using daemon = cutpoint([verb, small.folder, ...loopback, '--grace-ms', '500']);
    const client = await clientOf(daemon);
    const asked = { model: 'random', prompt: 'Once upon', max_tokens: 30, temperature: 0 };
    const whole = await client.completions.create(asked);
    let streamed = '';
    for await (const { choices } of await client.completions.create({ ...asked, stream: true })) {
      streamed += choices[0]?.text ?? '';
    }
    expect(streamed).toBe(whole.choices[0]?.text);
    expect(streamed.length).toBeGreaterThan(0);
    const ready = await fetch(client.baseURL.replace('/v1', '/readyz'));
    expect([ready.status, await ready.json()]).toEqual([200, { ready: true, model: 'random', ...more }]);
  });
});

it('an agent with a language model says that it needs --http, in one sentence', async () => {
  await using daemon = cutpoint(['agent', small.folder, '--listen', 'tcp://127.0.0.1:0', '--json']);
  expect(await daemon.exit()).toBe(2);
  expect(daemon.stderr).toMatch(/CUT_USAGE: .* is a language model, which is asked over HTTP: give --http/);
});

describe.each([[], ['--private']])('an agent whose model is cut %s', (...options) => {
  it('gives the texts of the whole model, says what crossed, and goes on with conversations', async () => {
    await using server = cutpoint(['serve', small.folder, '--at', '1', ...loopback]);
    const whole = await clientOf(server);
    const split = ['--at', '1', '--server', await server.url(), ...options];
    await using agent = cutpoint(['agent', small.folder, ...split, ...loopback]);
    const client = await clientOf(agent);
    const asked = { model: 'random', messages: [{ role: 'user' as const, content: 'Hello' }], temperature: 0 };
    const expected = await whole.chat.completions.create({ ...asked, max_tokens: 30 });
    const answers = [1, 2, 3].map(() => client.chat.completions.create({ ...asked, max_tokens: 30 }));
    for (const { choices } of await Promise.all(answers)) expect(choices).toEqual(expected.choices);
    const again = await client.chat.completions.create({ ...asked, max_tokens: 30 });
    expect(again.choices).toEqual(expected.choices);
    const { prompt_tokens: prompt, prompt_tokens_details: details, cutpoint_cost: cost } = again.usage as Told;
    expect(details?.cached_tokens).toBe(prompt - 1);
    expect(cost.up_bytes).toBeGreaterThan(30 * 32 * 4);
    expect(cost.link_ms).toBeGreaterThan(0);
    const ready = await fetch(client.baseURL.replace('/v1', '/readyz'));
    expect(await ready.json()).toEqual({ ready: true, model: 'random', server: 'connected' });
  });
});

it('an agent without a language model has no HTTP API', async () => {
  await using daemon = cutpoint(['agent', 'model.onnx', ...loopback]);
  expect(await daemon.exit()).toBe(2);
  expect(daemon.stderr).toContain('for language models only');
});
