import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  importCheckpoint,
  openLanguageModel,
  ownTexts,
  type Package,
  passFrameBytes,
  readPackage,
} from '@cutpoint/llm';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openSmallModel } from '../packages/llm/src/conversation/small-model.testing.js';
import {
  type AcrossRequest,
  type TestTable,
  tableAt,
  textAcross,
  writeTables,
} from '../packages/llm/src/split/text-across.testing.js';
import { clientOf, loopback } from './language-models.testing.js';
import { cutpoint, type Process } from './processes.testing.js';

const wren = fileURLToPath(new URL('../../shared/models/lm/wren-7m', import.meta.url));
const missing = !existsSync(wren);
const title = `tables of codecs between two processes${missing ? ' (../shared/models/lm is missing)' : ''}`;
const words = 'In the beginning';
const prompt = [1, 699, 262, 1895, 995];
const at = 4;
const tokens = 120;
const f32Bytes = 1024;

vi.setConfig({ testTimeout: 90_000, hookTimeout: 120_000 });

describe.skipIf(missing)(title, () => {
  let folder = '';
  const packages: Package[] = [];
  let up: TestTable;
  let down: TestTable;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cutpoint-tables-'));
    for (const bits of [32, 8, 4] as const) {
      const made = join(folder, String(bits));
      await importCheckpoint({ source: wren, folder: made, bits, block: null });
      packages.push(await readPackage(made));
    }
    const own = packageOf(32);
    await using model = await openLanguageModel(own.folder);
    const texts = await ownTexts(model.decoder, { tokens: 2_048, context: 256 });
    up = await tableAt(own, at, texts, 0.4);
    down = await tableAt(own, own.manifest.config.layers, texts, 0.4);
    await mkdir(join(folder, 'tables'));
    await writeTables(join(folder, 'tables'), new Map([...up.tables, ...down.tables]));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const packageOf = (bits: 32 | 8 | 4) => packages[[32, 8, 4].indexOf(bits)] as Package;
  const withTables = () => ['--codec-tables', join(folder, 'tables')];
  const serve = (bits: 32 | 8 | 4, ...args: readonly string[]) =>
    cutpoint(['serve', packageOf(bits).folder, '--listen', 'tcp://127.0.0.1:0', '--json', ...args]);
  const asking = async (bits: 32 | 8 | 4, server: Process, ...args: readonly string[]) => {
    const asked = ['--prompt', words, '--max-tokens', String(tokens), '--at', String(at), '--codec', up.spec];
    const where = ['--server', await server.url(), '--json'];
    return cutpoint(['llm', 'generate', packageOf(bits).folder, ...asked, ...where, ...args]);
  };
  const generated = async (bits: 32 | 8 | 4, server: Process, ...args: readonly string[]) => {
    await using process = await asking(bits, server, ...withTables(), ...args);
    expect([await process.exit(), process.stderr]).toEqual([0, expect.any(String)]);
    return JSON.parse(process.stdout);
  };
  const across = (more: Partial<AcrossRequest> = {}) =>
    textAcross({ front: packageOf(32), back: packageOf(32), at, codec: up.codec, prompt, tokens, ...more });

  it('carry a token in an eighth of its f32, frames both ways counted, and give the text of one process', async () => {
    await using server = serve(32);
    const said = await generated(32, server);
    const { tokens: expected, hiddenBytes } = await across();
    expect(said.promptTokens).toEqual(prompt);
    expect(said.tokens).toEqual(expected);
    const hidden = hiddenBytes.reduce((sum, bytes) => sum + bytes, 0) / hiddenBytes.length;
    const frame = said.sentBytesPerToken - hidden;
    expect(frame).toBeGreaterThan(10);
    expect(frame).toBeLessThanOrEqual(passFrameBytes().up);
    expect(said.linkBytesPerToken).toBeLessThanOrEqual(f32Bytes / 8);
    expect(said.widths).toEqual({ agent: 'f32', server: 'f32' });
  });

  it('join packages of other widths, and verify drafts', async () => {
    await using server = serve(4);
    const said = await generated(8, server, '--draft', '4');
    expect(said.tokens).toEqual((await across({ front: packageOf(8), back: packageOf(4) })).tokens);
    expect(said.widths).toEqual({ agent: '8', server: '4' });
  });

  it('carry hidden states both ways where the server may see no tokens', async () => {
    await using server = serve(32);
    const said = await generated(32, server, '--private', '--answer-codec', down.spec);
    expect(said.tokens).toEqual((await across({ answerCodec: down.codec })).tokens);
    expect(said.linkBytesPerToken).toBeLessThan((2 * f32Bytes) / 6);
  });

  it('serve an agent, which goes on at another server when one is killed', async () => {
    await using first = serve(32);
    await using second = serve(4, '--sent-tables-mb', '0', ...withTables());
    const split = ['--at', String(at), '--codec', up.spec, ...withTables()];
    const servers = ['--server', `${await first.url()},${await second.url()}`];
    await using agent = cutpoint(['agent', packageOf(32).folder, ...split, ...servers, ...loopback]);
    const client = await clientOf(agent);
    const asked = { model: packageOf(32).manifest.name, prompt, temperature: 0, max_tokens: 20 };
    const before = await client.completions.create(asked);
    expect(before.choices[0]?.text).toBe((await generated(32, first, '--max-tokens', '20')).text);
    expect(agent.log().find(({ msg }) => msg === 'cut in two')).toMatchObject({
      widths: { agent: 'f32', server: 'f32' },
    });
    first.kill('SIGKILL');
    const longer = `${words} God`;
    const after = await client.completions.create({ ...asked, prompt: longer });
    const expected = await generated(32, second, '--max-tokens', '20', '--prompt', longer);
    expect(after.choices[0]?.text).toBe(expected.text);
  });

  it('are refused where a side lacks them, and so are other models, in one sentence', async () => {
    const refusal = async (process: Process) => {
      await using ended = process;
      expect(await ended.exit()).toBe(1);
      return ended.stdout + ended.stderr;
    };
    await using none = serve(32, '--sent-tables-mb', '0');
    expect(await refusal(await asking(32, none))).toMatch(/CUT_CODEC_TABLE.*has no table .* give --codec-tables/);
    expect(await refusal(await asking(32, none, ...withTables()))).toMatch(/CUT_CODEC_TABLE.*is not on the server/);
    await using small = await openSmallModel();
    const asked = ['llm', 'generate', small.folder, '--prompt', words, '--at', '1', '--server', await none.url()];
    expect(await refusal(cutpoint(asked))).toMatch(/CUT_MODEL_MISMATCH.*has another model \("wren-7m"\)/);
  });
});
