import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openGpu } from '@cutpoint/gpu';
import { generate, importCheckpoint, openSplitDecoder, readPackage } from '@cutpoint/llm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeOnGpu } from '../../packages/gpu/src/gpus.testing.js';
import { wrenFolder, wrenIsHere } from '../../packages/llm/src/text/wren.testing.js';
import { Process } from '../processes.testing.js';

const title = `a server that finishes on a GPU${wrenIsHere ? '' : ' (../shared/models/lm is missing)'}`;
await describeOnGpu(title, openGpu, () => {
  let folder = '';
  let made = '';

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cutpoint-gpu-'));
    made = join(folder, 'wren');
    if (wrenIsHere) await importCheckpoint({ source: wrenFolder, folder: made, bits: 32, block: null });
  });
  afterAll(async () => await rm(folder, { recursive: true }));

  const own = it.skipIf(!wrenIsHere);
  const serve = (...args: readonly string[]) =>
    new Process(['serve', made, '--listen', 'ws://127.0.0.1:0', '--json', ...args]);

  async function textOf(at: number, urls: readonly string[], isPrivate = false): Promise<number[]> {
    const { manifest } = await readPackage(made);
    const servers = urls.map((url) => ({ url }));
    await using decoder = await openSplitDecoder(made, manifest, { at, servers, private: isPrivate });
    const tokens: number[] = [];
    const request = { prompt: [1, 699, 262, 1895, 995], maxTokens: 12, draftTokens: 2, endTokens: [] };
    for await (const next of generate(decoder, request)) tokens.push(...next.tokens);
    return tokens;
  }

  own('gives the tokens of a model that runs here, cut anywhere, also where only hidden states come back', async () => {
    await using server = serve('--provider', 'wgpu');
    const url = await server.url();
    const whole = await textOf(8, []);
    expect(await textOf(4, [url])).toEqual(whole);
    expect(await textOf(0, [url])).toEqual(whole);
    expect(await textOf(4, [url], true)).toEqual(whole);
  });

  own('is refused where it could not be what was asked for', async () => {
    await using unknown = serve('--provider', 'vulkan');
    expect(await unknown.exit()).toBe(1);
    expect(unknown.stderr).toContain('CUT_PROVIDER');
    await using narrow = serve('--provider', 'wgpu', '--cache', '8');
    expect(await narrow.exit()).toBe(2);
    expect(narrow.stderr).toContain('CUT_USAGE');
  });

  own('answers texts over HTTP that are asked at once, each as if it were alone', async () => {
    await using agent = new Process(['agent', made, '--provider', 'wgpu', '--http', '127.0.0.1:0', '--json']);
    await agent.url();
    const http = agent.log().find(({ msg }) => msg === 'http')?.url;
    expect(http).toBeTypeOf('string');
    const ask = async (prompt: string) => {
      const body = JSON.stringify({ model: 'wren-7m', prompt, max_tokens: 6, temperature: 0 });
      const answer = await fetch(`${http}/v1/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
      const { choices } = (await answer.json()) as { choices: { text: string }[] };
      return choices[0]?.text;
    };
    const prompts = ['Once upon a time', 'The little bird', 'In the morning'];
    const alone: (string | undefined)[] = [];
    for (const prompt of prompts) alone.push(await ask(prompt));
    expect(alone.every((text) => typeof text === 'string' && text.length > 0)).toBe(true);
    expect(await Promise.all(prompts.map(ask))).toEqual(alone);
  });
});
