import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
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

describe.skipIf(missing)(`cutpoint llm import${missing ? ' (../shared/models/lm is missing)' : ''}`, () => {
  it('makes a package and says what it is', () => {
    const out = join(folder, 'wren');
    const { status, stdout } = cutpoint('import', wren, '--bits', '4', '--out', out, '--json');
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      package: out,
      name: 'wren-7m',
      family: 'llama',
      layers: 8,
      widths: ['4 bits, blocks of 128'],
      embedding: '8 bits, blocks of 128',
      head: '4 bits, blocks of 128',
      tokenizer: ['tokenizer.json', 'tokenizer_config.json'],
    });
    expect(readdirSync(out).sort()).toEqual([
      'embedding.bin',
      'head.bin',
      'layers',
      'manifest.json',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
  });

  it('takes widths by layer from a file', () => {
    const file = join(folder, 'bits.json');
    writeFileSync(file, JSON.stringify({ layers: [8, 4, 4, 4, 4, 4, 4, 2] }));
    const out = join(folder, 'wren');
    const { status, stdout } = cutpoint('import', wren, '--bits', '4', '--layer-bits', file, '--out', out);
    expect(status).toBe(0);
    expect(stdout).toMatch(/layers 8 bits, blocks of 128; 4 bits, blocks of 128; 2 bits/);
    writeFileSync(file, JSON.stringify({ layers: [8, 3] }));
    const refused = cutpoint('import', wren, '--layer-bits', file, '--out', join(folder, 'other'));
    expect(refused.status).toBe(2);
    expect(refused.stderr).toMatch(/^error CUT_USAGE: .*bits\.json does not state widths \(layers\.1/);
  });
});

describe('what cannot be imported', () => {
  it.each([
    ['a file that is not there', ['nowhere.gguf'], 1, /^error CUT_FILE_NOT_FOUND: nowhere\.gguf cannot be read/],
    ['a folder without a checkpoint', [tmpdir()], 1, /^error CUT_FILE_NOT_FOUND: .*config\.json does not exist/],
    ['a file of another kind', [command], 1, /^error CUT_CHECKPOINT: .*cutpoint\.js is not a GGUF file/],
    ['a width that there is not', [wren, '--bits', '3'], 2, /^error CUT_USAGE: .*Give one of 2, 4, 8, 16, 32/],
  ])('%s ends with one sentence', (_, args, status, sentence) => {
    const found = cutpoint('import', ...args, '--out', join(folder, 'out'));
    expect(found.stderr).toMatch(sentence);
    expect(found.stderr.trim().split('\n')).toHaveLength(1);
    expect(found.status).toBe(status);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('cutpoint llm', () => {
  it('needs a verb, and synth a shape that it knows', () => {
    expect(cutpoint().stderr).toMatch(/^error CUT_USAGE: Name a verb: /);
    expect(cutpoint('fly').stderr).toMatch(/^error CUT_USAGE: There is no verb "llm fly"/);
    const { status, stderr } = cutpoint('synth', '--shape', 'gpt-5', '--out', folder);
    expect(status).toBe(2);
    expect(stderr).toMatch(/tinyllama-1\.1b/);
  });

  it('shows an example in the help of each verb', () => {
    for (const verb of ['import', 'synth'])
      expect(cutpoint(verb, '--help').stdout).toMatch(/Example:\n {2}\$ cutpoint llm/);
  });
});
