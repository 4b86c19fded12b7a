import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { runCommandLine } from './main.js';
import { verbs } from './verbs/index.js';

/** Runs a command line in this process and catches what it prints. */
async function run(...args: readonly string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const stdout = vi.spyOn(process.stdout, 'write').mockImplementation((...args: readonly unknown[]) => {
    out.push(String(args[0]));
    for (const done of args) if (typeof done === 'function') done();
    return true;
  });
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((text) => err.push(String(text)) > 0);
  try {
    return { status: await runCommandLine(args), stdout: out.join(''), stderr: err.join('') };
  } finally {
    stdout.mockRestore();
    stderr.mockRestore();
  }
}

describe('the command as a process', () => {
  it('sets the exit status, and shows where an error happened with CUTPOINT_DEBUG', () => {
    const command = fileURLToPath(new URL('../bin/cutpoint.js', import.meta.url));
    const env = { ...process.env, CUTPOINT_DEBUG: '1' };
    const { status, stderr } = spawnSync(process.execPath, [command, 'nonsense'], { encoding: 'utf8', env });
    expect(status).toBe(2);
    expect(stderr).toMatch(/^error CUT_USAGE: .*\n(.|\n)*\n +at /);
  });
});

describe.skipIf(process.platform !== 'linux')('a standard output that is full', () => {
  it.each([[['--help']], [['run', '--json']]])('%j ends with one sentence and status 1', (args) => {
    const command = fileURLToPath(new URL('../bin/cutpoint.js', import.meta.url));
    const full = openSync('/dev/full', 'w');
    const stdio = ['ignore', full, 'pipe'] as const;
    const { status, stderr } = spawnSync(process.execPath, [command, ...args], { encoding: 'utf8', stdio: [...stdio] });
    closeSync(full);
    expect(status).toBe(1);
    expect(stderr).toMatch(/error CUT_FILE_WRITE: Standard output cannot be written: no space left on device\.\n$/);
    expect(stderr).not.toMatch(/^ +at /m);
  });
});

describe('wrong usage', () => {
  it('is an illegal cut where cuts do not ascend', async () => {
    const { status, stderr } = await run('split', 'model.onnx', '--at', '99,25', '--out', 'segments');
    expect(status).toBe(2);
    expect(stderr).toMatch(/^error CUT_ILLEGAL_CUT: --at 99,25 is not in ascending order/);
  });

  it.each([
    ['no verb', []],
    ['an unknown verb', ['nonsense']],
    ['an unknown flag', ['run', 'model.onnx', '--nonsense']],
    ['a missing argument', ['run']],
    ['a missing flag', ['run', 'model.onnx']],
    ['a value that is no number', ['run', 'model.onnx', '--at', 'middle', '--input', 'x.npy']],
    ['a dimension without a value', ['run', 'model.onnx', '--dim', 'batch', '--input', 'x.npy']],
    ['a setting out of range', ['serve', 'model.onnx', '--threads', '0']],
    ['a missing setting', ['serve']],
    ['a group of verbs alone', ['bench']],
    ['an unknown benchmark', ['bench', 'nonsense']],
    ['help on an unknown verb', ['help', 'nonsense']],
    ['help on something else', ['help', '--nonsense']],
    ['a name that is none', ['deploy', 'model.onnx', '--name', 'My_Model']],
    ['a plan for a fleet with the options of --watch', ['plan', 'model.onnx', '--fleet', '--server-ca', 'ca.pem']],
    ['asking at no address', ['ask', '127.0.0.1:9', '--input', 'x.npy']],
    ['a server at no address', ['run', 'model.onnx', '--at', '1', '--input', 'x.npy', '--server', 'memory:x']],
    ['an agent with a server at no address', ['agent', 'absent.onnx', '--at', '1', '--server', 'tcp://gpu']],
    ['asking without an input', ['ask', 'ws://127.0.0.1:9']],
  ])('%s ends with status 2 and one sentence', async (_, args) => {
    const { status, stdout, stderr } = await run(...args);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^error CUT_USAGE: [A-Z-`].*\n$/);
    expect(stderr).not.toContain('outputHelp');
  });

  it('with --json is one object on stdout as well', async () => {
    const { status, stdout } = await run('run', '--json');
    expect(status).toBe(2);
    expect(JSON.parse(stdout)).toEqual({ error: { code: 'CUT_USAGE', message: expect.any(String) } });
  });
});

it('a name that is refused is told with one that would do', async () => {
  const { stderr } = await run('deploy', 'model.onnx', '--name', 'My_Model');
  expect(stderr).toContain('my-model would do');
});

describe('failures', () => {
  it('end with status 1, one sentence and one object', async () => {
    const { status, stdout, stderr } = await run('run', 'absent.onnx', '--at', '1', '--input', 'x.npy', '--json');
    expect(status).toBe(1);
    expect(stderr).toMatch(/^error CUT_FILE_NOT_FOUND: .*absent\.onnx.*\n$/);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'CUT_FILE_NOT_FOUND' } });
  });
});

describe('help', () => {
  it('lists every verb and ends with status 0', async () => {
    const { status, stdout } = await run('--help');
    expect(status).toBe(0);
    for (const { name } of verbs) expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
  });

  it('has an example for every verb', async () => {
    for (const { name, load } of verbs) {
      expect((await run(name, '--help')).stdout).toContain(`$ ${(await load()).example}`);
    }
  });

  it('tells the version', async () => {
    expect((await run('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
