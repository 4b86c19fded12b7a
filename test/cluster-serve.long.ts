import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { wrenFolder, wrenIsHere } from '../packages/llm/src/text/wren.testing.js';
import { clientOf } from './language-models.testing.js';
import { cutpoint, type Process, until } from './processes.testing.js';

const prompt = 'In the beginning';

let folder: string;
let wren: string;
let expected: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-cluster-serve-'));
  if (!wrenIsHere) return;
  await writeFile(tokenFile(), 'a token of the ranks alone', { mode: 0o600 });
  wren = join(folder, 'wren');
  await using importing = cutpoint(['llm', 'import', wrenFolder, '--out', wren, '--json']);
  expect(await importing.exit()).toBe(0);
  await using alone = cutpoint(['llm', 'generate', wren, '--prompt', prompt, '--max-tokens', '200', '--json']);
  expect(await alone.exit()).toBe(0);
  expected = (JSON.parse(alone.stdout) as { text: string }).text;
});
afterAll(() => rm(folder, { recursive: true }));

function tokenFile(): string {
  return join(folder, 'token');
}

/** A rank in a process of its own; it wants a token. */
function joinAs(name: string): Process {
  const guarded = ['--listen', 'tcp://127.0.0.1:0', '--token-file', tokenFile()];
  return cutpoint(['cluster', 'join', ...guarded, '--shards', join(folder, name), '--json']);
}

async function lead(rank: Process): Promise<Process> {
  const ranks = ['--ranks', await rank.url(), '--rank-token-file', tokenFile()];
  const door = ['--http', '127.0.0.1:0', '--json'];
  return cutpoint(['cluster', 'serve', wren, ...ranks, '--shards', join(folder, 'lead'), ...door]);
}

function ask(client: OpenAI) {
  return client.completions.create({
    model: 'wren-7m',
    prompt,
    max_tokens: 200,
    temperature: 0,
    stream: true,
  });
}

async function page(client: OpenAI, path: string): Promise<string> {
  return await (await fetch(client.baseURL.replace('/v1', path))).text();
}

describe.skipIf(!wrenIsHere)(`wren-7m on two ranks${wrenIsHere ? '' : ' (../shared/models/lm is missing)'}`, () => {
  it('streams the text of one process to the client of OpenAI, several at once, and says what each rank spent', async () => {
    await using rank = joinAs('rank');
    await using server = await lead(rank);
    const client = await clientOf(server);
    const texts = await Promise.all(
      [1, 2].map(async () => {
        let text = '';
        for await (const { choices } of await ask(client)) text += choices[0]?.text ?? '';
        return text;
      }),
    );
    expect(texts).toEqual([expected, expected]);
    expect(JSON.parse(await page(client, '/readyz'))).toEqual({ ready: true, model: 'wren-7m', ranks: 2 });
    const metrics = await page(client, '/metrics');
    for (const what of ['compute_seconds', 'wait_seconds', 'sync_seconds', 'sent_bytes', 'received_bytes'])
      for (const number of [0, 1]) {
        const [, value] = metrics.match(new RegExp(`cutpoint_rank_${what}_total{rank="${number}",.*} (.*)`)) ?? [];
        expect(Number(value), `${what} of rank ${number}`).toBeGreaterThan(0);
      }
    expect(metrics).toContain(`address="${await rank.url()}"`);
    server.kill('SIGTERM');
    expect(await server.exit()).toBe(0);
  });

  it('stops a text whose caller has gone', async () => {
    await using rank = joinAs('rank');
    await using server = await lead(rank);
    const client = await clientOf(server);
    const stream = await ask(client);
    for await (const _ of stream) break;
    stream.controller.abort();
    const ended = /cutpoint_requests_total{model="wren-7m",outcome="CUT_CANCELLED"} 1/;
    await until(async () => ended.test(await page(client, '/metrics')), 'the text was cancelled');
    let text = '';
    for await (const { choices } of await ask(client)) text += choices[0]?.text ?? '';
    expect(text).toBe(expected);
  });

  it.each(['SIGKILL', 'SIGSTOP'] as const)(
    'goes on with the same text where the other rank gets %s in mid-answer',
    async (signal) => {
      await using rank = joinAs('rank');
      await using server = await lead(rank);
      const client = await clientOf(server);
      let text = '';
      let parts = 0;
      for await (const { choices } of await ask(client)) {
        text += choices[0]?.text ?? '';
        if (++parts === 20) rank.kill(signal);
      }
      expect(server.stderr).toContain('this machine goes on alone');
      expect(text).toBe(expected);
      expect(JSON.parse(await page(client, '/readyz'))).toMatchObject({ ready: true, ranks: 1 });
    },
  );

  it('reads weights through a window for the same text, and explains itself where its log is to say all', async () => {
    const door = ['--http', '127.0.0.1:0', '--shards', join(folder, 'window'), '--json', '--log-level', 'debug'];
    await using local = cutpoint(['cluster', 'serve', wren, '--local', '2', '--window', '6e6', ...door]);
    let text = '';
    for await (const { choices } of await ask(await clientOf(local))) text += choices[0]?.text ?? '';
    expect(text).toBe(expected);
    expect(local.stderr).toMatch(/window/);
    expect(local.stderr).toMatch(/"level":"debug",.*(mesh|star)/);
    await using wrong = cutpoint(['cluster', 'serve', wren, '--local', '2', '--window', 'much', ...door]);
    await wrong.exit();
    expect(wrong.stderr).toMatch(/CUT_USAGE/);
  });

  it('runs on ranks of this machine, and refuses what it cannot serve with one sentence', async () => {
    const door = ['--http', '127.0.0.1:0', '--shards', join(folder, 'local'), '--json'];
    await using local = cutpoint(['cluster', 'serve', wren, '--local', '2', ...door]);
    const client = await clientOf(local);
    expect(
      (await client.completions.create({ model: 'wren-7m', prompt, max_tokens: 4, temperature: 0 })).choices,
    ).toHaveLength(1);
    const refused = async (...args: string[]) => {
      await using process = cutpoint(['cluster', 'serve', wren, ...door, ...args]);
      await process.exit();
      return process.stderr;
    };
    expect(await refused()).toMatch(/CUT_USAGE: Say which machines the ranks are/);
    expect(await refused('--local', '2', '--tls-cert', 'c.pem')).toMatch(/CUT_USAGE: A certificate needs its key/);
    expect(await refused('--local', '2', '--http', '0.0.0.0:0')).toMatch(/CUT_INSECURE_BIND/);
  });
});
