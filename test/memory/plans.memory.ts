import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CutpointError } from '@cutpoint/core';
import { createTokenizer, filesOf, readPackage, readTokenizerFiles, synthesisePackage } from '@cutpoint/llm';
import type { LlmPlan, LlmProblem } from '@cutpoint/plan';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LimitedProcess } from './limited-process.testing.js';
import { isFeasible, type LimitedSide, memoryOf, memoryProblem, type NamedPackage, plansOf } from './plans.testing.js';

const wren = fileURLToPath(new URL('../../../shared/models/lm/wren-7m/', import.meta.url));
const wanted = 20;
const moreTokens = 8;
const longestMs = 180_000;
const noLimitBytes = 16e9;

interface Case {
  readonly problem: LlmProblem;
  readonly folder: string;
  readonly plan: LlmPlan;
  readonly side: LimitedSide;
  readonly prompt: string;
}

interface Ran {
  readonly peakBytes: number;
  /** What it said at its end; undefined if the text came to its end. */
  readonly failure: string | undefined;
}

let parent: string;
let cases: readonly Case[] = [];

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'memory-of-plans-'));
  const packages = [await made(4), await made(8)];
  const text = await readFile(join(wren, 'val.txt'), 'utf8');
  const files = await readTokenizerFiles(wren);
  const tokenizer = createTokenizer(files.tokenizer, files.config, 1e6);
  const some = numbers(7);
  cases = Array.from({ length: 2 * wanted }, (_, i) => {
    const prompt = text.slice(0, 200 + some(1_500));
    const problem = memoryProblem(packages, tokenizer.encode(prompt).length + moreTokens);
    const plans = plansOf(problem);
    const plan = plans[some(plans.length)];
    if (plan === undefined) throw new Error('There is no plan.');
    const folder = packages.find(({ width }) => width === plan.frontWidth)?.folder ?? '';
    return { problem, folder, plan, side: i % 2 === 0 ? 'agent' : 'server', prompt };
  });
});

afterAll(() => rm(parent, { recursive: true, force: true }));

/** Random weights, beside the tokenizer of a small model; its files are in the page cache, so that no process is charged for them. */
async function made(bits: 4 | 8): Promise<NamedPackage> {
  const folder = join(parent, String(bits));
  await synthesisePackage({ shape: 'smollm2-360m', bits, block: 128, folder });
  for (const name of ['tokenizer.json', 'tokenizer_config.json']) await copyFile(join(wren, name), join(folder, name));
  const found = await readPackage(folder);
  for (const { path } of filesOf(found.manifest)) await readFile(join(folder, path));
  return { ...found, width: String(bits) };
}

/** Whole numbers below a bound, the same for the same seed. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
}

/** Runs a plan to the end of its text, one side of it under a limit; ends with that side. */
async function run({ folder, plan, side, prompt }: Case, limitBytes: number, { forced = false } = {}): Promise<Ran> {
  const { cut, answerCodec, cache } = plan;
  const limitOf = (of: LimitedSide) => (of === side ? limitBytes : noLimitBytes);
  const serve = ['serve', folder, '--listen', 'ws://127.0.0.1:0', '--cache', cache, '--json'];
  await using server = await LimitedProcess.start(serve, limitOf('server'), { forced });
  const failed = async (of: LimitedProcess, failure: string) => ({ peakBytes: await of.peakBytes(), failure });
  const url = await server.process.url().catch(() => undefined);
  if (url === undefined) return await failed(server, 'did not start');
  const hides = answerCodec === null ? [] : ['--private'];
  const asked = ['--prompt', prompt, '--max-tokens', String(moreTokens), '--at', String(cut), '--server', url];
  const generate = ['llm', 'generate', folder, ...asked, '--cache', cache, ...hides, '--json'];
  await using agent = await LimitedProcess.start(generate, limitOf('agent'), { forced });
  const limited = side === 'agent' ? agent : server;
  const ended = await Promise.race([
    agent.process.exit(longestMs).catch(() => 'too slow'),
    server.process.exit(longestMs + 1_000).then(
      (status) => `server ${status}`,
      () => 'too slow',
    ),
  ]);
  return ended === 0
    ? { peakBytes: await limited.peakBytes(), failure: undefined }
    : await failed(limited, `${ended} ${agent.process.stderr.slice(-100)}`);
}

function row({ plan, side, problem }: Case, predicted: number, limit: number, { peakBytes, failure }: Ran): string {
  const megabytes = [predicted, limit, peakBytes].map((bytes) => (bytes / 1e6).toFixed(0).padStart(5)).join(' ');
  const how = `${plan.frontWidth} bits, cut ${plan.cut}, cache ${plan.cache}${plan.answerCodec === null ? '' : ', private'}`;
  const ratio = (predicted / peakBytes).toFixed(3);
  return `${side.padEnd(6)} ${how}, ${problem.lengthTokens} tokens | ${megabytes} | ${ratio} ${failure ?? 'ran'}\n`;
}

describe.skipIf(!(await canLimit()))(
  'plans of a language model under a limit of memory (skipped without control groups)',
  () => {
    it('run where the optimiser calls them feasible by less than 5 %, at peaks within 10 % of its prediction', async () => {
      const wrong: string[] = [];
      for (const each of cases.slice(0, wanted)) {
        const predicted = memoryOf(each.plan, each.side);
        const limit = 1.049 * predicted;
        expect(isFeasible(each.problem, each.plan, each.side, limit)).toBe(true);
        const ran = await run(each, limit);
        const line = row(each, predicted, limit, ran);
        process.stderr.write(line);
        if (ran.failure !== undefined || Math.abs(predicted / ran.peakBytes - 1) > 0.1) wrong.push(line);
      }
      expect(wrong).toEqual([]);
    });

    it('fail when they are forced, of those refused by more than 15 % at least 18 of 20', async () => {
      let failed = 0;
      for (const each of cases.slice(wanted)) {
        const predicted = memoryOf(each.plan, each.side);
        const limit = predicted / 1.151;
        expect(isFeasible(each.problem, each.plan, each.side, limit)).toBe(false);
        const ran = await run(each, limit, { forced: true });
        process.stderr.write(row(each, predicted, limit, ran));
        if (ran.failure !== undefined) failed += 1;
      }
      expect(failed).toBeGreaterThanOrEqual(18);
    });
  },
);

async function canLimit(): Promise<boolean> {
  try {
    await using _ = await LimitedProcess.start(['--version'], noLimitBytes);
    return true;
  } catch (thrown) {
    if (thrown instanceof CutpointError && thrown.code === 'CUT_EMULATION') return false;
    throw thrown;
  }
}
