import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type GenerateRequest,
  generate,
  importCheckpoint,
  openSplitDecoder,
  readPackage,
  samplingOf,
  type TokenDecoder,
} from '@cutpoint/llm';
import { openProxyLink } from '@cutpoint/testbed';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Process } from './processes.testing.js';

const wren = fileURLToPath(new URL('../../shared/models/lm/wren-7m', import.meta.url));
const missing = !existsSync(wren);
const title = `a language model in two processes${missing ? ' (../shared/models/lm is missing)' : ''}`;
const prompt = [1, 699, 262, 1895, 995];
const cut = 4;

describe.skipIf(missing)(title, () => {
  let folder = '';
  let made = '';

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cutpoint-split-'));
    made = join(folder, 'wren');
    await importCheckpoint({ source: wren, folder: made, bits: 32, block: null });
  });
  afterAll(async () => await rm(folder, { recursive: true }));

  const serve = (...args: readonly string[]) =>
    new Process(['serve', made, '--listen', 'ws://127.0.0.1:0', '--json', ...args]);

  async function open(at: number, urls: readonly string[] = []): Promise<TokenDecoder> {
    const { manifest } = await readPackage(made);
    return await openSplitDecoder(made, manifest, { at, servers: urls.map((url) => ({ url })) });
  }

  async function textOf(decoder: TokenDecoder, request: Partial<GenerateRequest>, onToken = (_: number) => {}) {
    const tokens: number[] = [];
    for await (const next of generate(decoder, { prompt, maxTokens: 64, endTokens: [], ...request })) {
      tokens.push(...next.tokens);
      onToken(tokens.length);
    }
    return tokens;
  }

  const wholeText = async (request: Partial<GenerateRequest>) => {
    await using whole = await open(8);
    return await textOf(whole, request);
  };

  it.each([
    ['the likeliest tokens', {}],
    ['drawn tokens', { sampling: samplingOf({ temperature: 0.8, topK: 40, seed: 7 }) }],
    ['drafted tokens', { draftTokens: 6 }],
  ])('goes on with the same text at another server when the first is killed: %s', async (_, request) => {
    await using first = serve();
    await using second = serve('--at', String(cut));
    await using split = await open(cut, [await first.url(), await second.url()]);
    let killed = 0;
    const text = await textOf(split, request, (tokens) => {
      if (tokens < 20 || killed > 0) return;
      killed = tokens;
      first.kill('SIGKILL');
    });
    expect(killed).toBeGreaterThanOrEqual(20);
    expect(killed).toBeLessThan(64);
    expect(text).toEqual(await wholeText(request));
  });

  it('goes on at another server within seconds when the first falls silent', { timeout: 60_000 }, async () => {
    await using first = serve();
    await using second = serve('--at', String(cut));
    await using split = await open(cut, [await first.url(), await second.url()]);
    let lastMs = 0;
    let longestGapMs = 0;
    const text = await textOf(split, {}, (tokens) => {
      const nowMs = performance.now();
      if (tokens > 1) longestGapMs = Math.max(longestGapMs, nowMs - lastMs);
      lastMs = nowMs;
      if (tokens === 20) first.kill('SIGSTOP');
    });
    first.kill('SIGCONT');
    expect(text).toEqual(await wholeText({}));
    expect(longestGapMs).toBeGreaterThan(1_000);
    expect(longestGapMs).toBeLessThan(10_000);
  });

  it('goes on with the same text at the same server when that comes back', async () => {
    const first = serve();
    const url = await first.url();
    await using split = await open(cut, [url]);
    let again: Process | undefined;
    const text = await textOf(split, {}, (tokens) => {
      if (tokens !== 30) return;
      first.kill('SIGKILL');
      void first.exit().then(() => {
        again = serve('--listen', url);
      });
    });
    expect(text).toEqual(await wholeText({}));
    await again?.[Symbol.asyncDispose]();
    await first[Symbol.asyncDispose]();
  });

  it('says so from the command line, hides its tokens from the server, and needs few bytes for a token', async () => {
    const asked = ['llm', 'generate', made, '--prompt', 'In the beginning', '--max-tokens', '20', '--json'];
    const said = async (...args: readonly string[]) => {
      await using process = new Process([...asked, ...args]);
      expect(await process.exit()).toBe(0);
      return JSON.parse(process.stdout);
    };
    await using server = serve();
    const url = await server.url();
    const whole = await said();
    const split = await said('--at', '4', '--server', url);
    const hidden = await said('--at', '4', '--server', url, '--private');
    const own = await said('--at', '4', '--codec', 'f16');
    expect([split.text, hidden.text]).toEqual([whole.text, whole.text]);
    expect(own.tokens).toHaveLength(20);
    expect(whole.linkBytesPerToken).toBe(0);
    expect(split.linkBytesPerToken).toBeLessThan(256 * 4 + 160);
    expect(hidden.linkBytesPerToken).toBeLessThan(2 * (256 * 4 + 96));
    expect(own.linkBytesPerToken).toBeLessThan(256 * 2 + 160);
    await using refused = new Process([...asked, '--server', url]);
    expect(await refused.exit()).toBe(2);
    expect(refused.stdout).toContain('--server is for a model that is cut');
  });

  it('crosses a slow link once for each token', async () => {
    await using server = serve();
    const way = { rateMbit: 1_000, delayMs: 10, jitterMs: 0, lossPct: 0 };
    await using link = await openProxyLink({ target: await server.url(), parameters: { up: way, down: way } });
    await using split = await open(cut, [link.url]);
    const costs = [];
    for await (const { cost } of generate(split, { prompt, maxTokens: 30, endTokens: [] })) costs.push(cost);
    const links = costs.map(({ linkMs }) => linkMs).sort((a, b) => a - b);
    expect(links[0]).toBeGreaterThan(19);
    expect(links[15]).toBeLessThan(40);
  });
});
