import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSmallModel } from '../packages/llm/src/conversation/small-model.testing.js';
import { clientOf, loopback } from './language-models.testing.js';
import { cutpoint, until } from './processes.testing.js';

let small: Awaited<ReturnType<typeof openSmallModel>>;
beforeAll(async () => {
  small = await openSmallModel(undefined, 16_384);
});
afterAll(() => small[Symbol.asyncDispose]());

interface Told {
  readonly model: string;
  readonly turns: readonly {
    readonly question: string;
    readonly answer: string;
    readonly usage: {
      readonly promptTokens: number;
      readonly cachedTokens: number;
      readonly completionTokens: number;
    } | null;
  }[];
}

const questions = ['Hello', 'And then?'];
const options = ['--system', 'Be short', '--temperature', '0', '--max-tokens', '12'];

/** What a chat says that is given lines and no terminal. */
async function chatted(args: readonly string[], lines: readonly string[]): Promise<Told> {
  await using chat = cutpoint(['chat', ...args, '--json']);
  chat.type(lines.map((line) => `${line}\n`).join(''));
  chat.endStdin();
  expect(await chat.exit(), chat.stderr).toBe(0);
  return JSON.parse(chat.stdout) as Told;
}

describe('cutpoint chat', () => {
  it('keeps the conversation, the same in this process and over the API, and runs nothing twice', async () => {
    await using server = cutpoint(['serve', small.folder, ...loopback]);
    const client = await clientOf(server);
    const here = await chatted([small.folder, ...options], questions);
    const there = await chatted([client.baseURL, ...options], questions);
    expect(here.turns.map(({ question }) => question)).toEqual(questions);
    expect(there.turns.map(({ answer }) => answer)).toEqual(here.turns.map(({ answer }) => answer));
    for (const { turns, model } of [here, there]) {
      expect(model).toBe('random');
      const [first, second] = turns.map(({ usage }) => usage);
      const prompt = '<system>Be short\n<user>Hello\n<assistant>'.length;
      expect(first).toMatchObject({ promptTokens: prompt, completionTokens: 12 });
      expect(second?.cachedTokens).toBeGreaterThanOrEqual(prompt);
    }
    const asked = { model: 'random', temperature: 0, max_tokens: 12 };
    const messages = [
      { role: 'system' as const, content: 'Be short' },
      { role: 'user' as const, content: 'Hello' },
    ];
    const { choices } = await client.chat.completions.create({ ...asked, messages });
    expect(here.turns[0]?.answer).toBe(choices[0]?.message.content);
  });

  it('forgets at /reset, and ends at /exit', async () => {
    const { turns } = await chatted([small.folder, ...options], ['Hello', '/reset', 'Hello', '/exit', 'more']);
    expect(turns).toHaveLength(1);
    const [fresh] = (await chatted([small.folder, ...options], ['Hello'])).turns;
    expect(turns[0]?.answer).toBe(fresh?.answer);
  });

  it('ends an answer at an interrupt, and goes on; and says what each pass took where it is asked', async () => {
    await using chat = cutpoint(['chat', small.folder, '--verbose']);
    chat.type('Tell me everything\n');
    await until(() => chat.stdout.length > 20, 'an answer had begun');
    expect(chat.stderr).toMatch(/^\[1 token: compute [\d.]+ [mµ]s\]$/m);
    chat.kill('SIGINT');
    await until(() => chat.stderr.includes('[interrupted]'), 'the answer was interrupted');
    const before = chat.stdout.length;
    chat.type('Again\n');
    await until(() => chat.stdout.length > before + 20, 'the next answer had begun');
    chat.kill('SIGINT');
    await until(() => chat.stderr.split('[interrupted]').length === 3, 'the second answer was interrupted');
    chat.kill('SIGINT');
    expect(await chat.exit()).toBe(0);
  });

  it('says what is wrong before anybody has written a word', async () => {
    const bare = await openSmallModel({});
    try {
      await using chat = cutpoint(['chat', bare.folder]);
      expect(await chat.exit()).toBe(1);
      expect(chat.stderr).toMatch(/^error CUT_CHAT_TEMPLATE: The model random has no chat template/);
    } finally {
      await bare[Symbol.asyncDispose]();
    }
    await using nobody = cutpoint(['chat', 'http://127.0.0.1:9']);
    expect(await nobody.exit()).toBe(1);
    expect(nobody.stderr).toMatch(/^error CUT_UNREACHABLE: No API answers at/);
  });
});
