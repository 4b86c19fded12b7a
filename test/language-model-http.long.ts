import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { wrenFolder, wrenIsHere } from '../packages/llm/src/text/wren.testing.js';
import { clientOf, loopback } from './language-models.testing.js';
import { cutpoint } from './processes.testing.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-text-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe.skipIf(!wrenIsHere)(`wren-7m${wrenIsHere ? '' : ' (../shared/models/lm is missing)'}`, () => {
  it('goes on with a text as it does in one process, several at once, and says that it knows no conversations', async () => {
    const out = join(folder, 'wren');
    await using importing = cutpoint(['llm', 'import', wrenFolder, '--out', out, '--json']);
    expect(await importing.exit()).toBe(0);
    await using server = cutpoint(['serve', out, ...loopback]);
    const client = await clientOf(server);
    const prompts = ['In the beginning', 'In the end of the day', 'The king said'];
    const ask = async (prompt: string) =>
      await client.completions.create({ model: 'wren-7m', prompt, max_tokens: 40, temperature: 0 });
    await using alone = cutpoint([
      'llm',
      'generate',
      out,
      '--prompt',
      prompts[0] ?? '',
      '--max-tokens',
      '40',
      '--json',
    ]);
    expect(await alone.exit()).toBe(0);
    const answers = await Promise.all(prompts.map(ask));
    const { text } = JSON.parse(alone.stdout) as { text: string };
    expect(answers[0]?.choices[0]?.text).toBe(text);
    const again = await Promise.all(prompts.map(ask));
    expect(again.map(({ choices }) => choices[0]?.text)).toEqual(answers.map(({ choices }) => choices[0]?.text));
    for (const { usage } of again)
      expect(usage?.prompt_tokens_details?.cached_tokens).toBe((usage?.prompt_tokens ?? 0) - 1);
    const chat = client.chat.completions.create({ model: 'wren-7m', messages: [{ role: 'user', content: 'Hi' }] });
    await expect(chat).rejects.toMatchObject({ status: 400, code: 'CUT_CHAT_TEMPLATE' });
    const long = client.completions.create({ model: 'wren-7m', prompt: 'word '.repeat(300) });
    await expect(long).rejects.toMatchObject({
      status: 400,
      code: 'CUT_INPUT',
      message: expect.stringContaining('takes 256'),
    });
  });
});
