import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const command = fileURLToPath(new URL('../../bin/cutpoint.js', import.meta.url));
const wren = fileURLToPath(new URL('../../../../../shared/models/lm/wren-7m', import.meta.url));
const missing = !existsSync(wren);

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'llm-verb-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

function cutpoint(...args: readonly string[]) {
  return spawnSync(process.execPath, [command, 'llm', ...args], { encoding: 'utf8', timeout: 60_000 });
}

describe.skipIf(missing)(`cutpoint llm generate and eval${missing ? ' (../shared/models/lm is missing)' : ''}`, () => {
  it('continue a text and say how fast, and how surprised the model is by another', { timeout: 60_000 }, () => {
    const out = join(folder, 'wren');
    expect(cutpoint('import', wren, '--bits', '4', '--out', out).status).toBe(0);
    const asked = ['generate', out, '--prompt', 'In the beginning', '--max-tokens', '12'];
    const { status, stdout } = cutpoint(...asked, '--json');
    expect(status).toBe(0);
    const said = JSON.parse(stdout);
    expect(said).toMatchObject({ promptTokens: [1, 699, 262, 1895, 995], linkBytesPerToken: 0 });
    expect(said.tokens).toHaveLength(12);
    expect(said.decodeTokensPerSecond).toBeGreaterThan(0);
    expect(cutpoint(...asked)).toMatchObject({
      stdout: `${said.text}\n`,
      stderr: expect.stringMatching(/^5 tokens of prompt, 12 more: first token after .*, then [\d.]+ tokens\/s\n$/m),
    });
    const stopped = JSON.parse(cutpoint(...asked, '--stop', said.text.slice(5, 8), '--json').stdout);
    expect(said.text.startsWith(stopped.text)).toBe(true);
    expect(stopped.text).not.toContain(said.text.slice(5, 8));

    expect(JSON.parse(cutpoint(...asked, '--at', '4', '--cache', 'none', '--json').stdout).tokens).toEqual(said.tokens);
    expect(cutpoint(...asked, '--cache', 'none').stderr).toMatch(/^error CUT_USAGE: .*without a cache: cut the model/);

    const text = join(folder, 'text.txt');
    writeFileSync(text, 'In the beginning God created the heaven and the earth. And the earth was without form.');
    const judged = cutpoint('eval', out, '--text', text, '--context', '16', '--json');
    expect(judged.status).toBe(0);
    expect(JSON.parse(judged.stdout).perplexity).toBeGreaterThan(1);
    expect(cutpoint('eval', out, '--text', text, '--context', '257').stderr).toMatch(
      /^error CUT_USAGE: A window has 257/,
    );
    expect(cutpoint('generate', folder, '--prompt', 'x').stderr).toMatch(
      /^error CUT_FILE_NOT_FOUND: .* is not a package/,
    );
  });
});

const ofPlans = `cutpoint llm eval --at, calibrate and plan${missing ? ' (../shared/models/lm is missing)' : ''}`;
describe.skipIf(missing)(ofPlans, () => {
  it('say what a cut costs, and where to cut', { timeout: 120_000 }, () => {
    const [out, text, file, link] = ['wren', 'text.txt', 'calibration.json', 'link.json'].map((name) =>
      join(folder, name),
    );
    expect(cutpoint('import', wren, '--bits', '8', '--out', out ?? '').status).toBe(0);
    writeFileSync(text ?? '', 'In the beginning God created the heaven and the earth. And the earth was without form.');
    const asked = ['eval', out ?? '', '--text', text ?? '', '--codec', 'affine:bits=4,per=token', '--leak'];
    const found = JSON.parse(cutpoint(...asked, '--at', '4', '--json').stdout);
    expect(found).toMatchObject({ cut: 4, bytesPerToken: 142, leak: [{ cut: 4 }] });
    expect(found.baseline.perplexity).toBeGreaterThan(1);
    expect(cutpoint(...asked, '--private').stderr).toMatch(/^error CUT_USAGE: --private is of a cut/);
    expect(cutpoint(...asked, '--at', '8').stderr).toMatch(/^error CUT_ILLEGAL_CUT: /);

    const few = ['--cuts', '4', '--codecs', 'f16', '--lengths', '16,64', '--private', '--caches', 'f32,8'];
    const calibrate = ['calibrate', out ?? '', '--text', text ?? '', '--out', file ?? '', ...few];
    expect(cutpoint(...calibrate).stdout).toMatch(/4 {2}8 +8 +f16/);
    expect(cutpoint(...calibrate.with(5, text ?? '')).stderr).toMatch(/^error CUT_FILE_WRITE: .* is no calibration/);
    const direction = { fixedMs: 10, bytesPerS: 1e6 };
    const times = { rttMs: { median: 20, p90: 20, min: 20 }, jitterMs: 0, samples: [], fitErrorPct: 0 };
    const named = {
      format: 'cutpoint-link-profile',
      version: 1,
      url: 'tcp://there:1',
      measuredAt: '2026-01-01T00:00:00Z',
    };
    writeFileSync(link ?? '', JSON.stringify({ ...named, ...times, up: direction, down: direction }));
    const plan = (...options: string[]) =>
      cutpoint('plan', out ?? '', '--calibration', file ?? '', '--length', '64', ...options);
    expect(JSON.parse(plan('--link', 'none', '--json').stdout).pick).toMatchObject({ cut: 8, frontWidth: '8' });
    const calibration = JSON.parse(readFileSync(file ?? '', 'utf8'));
    calibration.devices[0].memory = { baseBytes: 0, perWeightByte: 1 };
    calibration.model.passBytes = { token: 0, layerToken: 0, textToken: 0, score: 0 };
    calibration.model.roleBytes = { servedToken: 0, headApart: 0 };
    writeFileSync(file ?? '', JSON.stringify(calibration));
    const tight = plan('--link', link ?? '', '--memory', '6.5e6', '--private');
    expect(tight.stdout).toMatch(/^> +4 layers in 8 \| f16 \| rest in 8 \| back by f16/m);
    expect(tight.stdout).toContain(
      `cutpoint llm generate ${out} --prompt TEXT --at 4 --server URL --codec f16 --private`,
    );
    const codec = 'transform:table=a-0123456789abcdef';
    writeFileSync(file ?? '', JSON.stringify(calibration).replaceAll('"f16"', JSON.stringify(codec)));
    expect(plan('--link', link ?? '', '--memory', '6.5e6', '--private').stdout).toContain(
      ` --codec ${codec} --codec-tables ${join(folder, 'calibration.tables')} --private --answer-codec ${codec}`,
    );
    calibration.splits = calibration.splits.filter(({ cache }: { cache: string }) => cache === '8');
    writeFileSync(file ?? '', JSON.stringify(calibration));
    const narrow = plan('--link', link ?? '', '--memory', '6.5e6', '--private').stdout;
    expect(narrow).toMatch(/^> +4 layers in 8 \| f16 \| rest in 8 \| back by f16, caches in 8/m);
    expect(narrow).toContain(`cutpoint serve ${out} --cache 8\n`);
    expect(narrow).toContain(' --private --cache 8\n');
    expect(plan('--link', 'none', '--memory', '1e6').stderr).toMatch(/^error CUT_INFEASIBLE: .*agent memory/);
    expect(plan('--link', 'none', '--length', '65').stderr).toMatch(/^error CUT_USAGE: /);
  });
});
