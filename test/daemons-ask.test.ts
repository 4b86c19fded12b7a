import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { f32Values, type NamedTensors } from '@cutpoint/core';
import { zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { askAgent } from './daemons-example.testing.js';
import { classifier, classifierInput, loadWhole } from './models.testing.js';
import { cutpoint, type Process } from './processes.testing.js';

// Each test starts processes, and a busy machine takes seconds for one.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let folder: string;
let server: Process;
let agent: Process;
const path = (name: string) => join(folder, name);
const daemon = ['--at', '100', '--optimisation', 'none', '--listen', 'ws://127.0.0.1:0', '--json'];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-ask-'));
  await writeFile(path('x.npy'), npy(classifierInput()));
  await writeFile(path('other.npz'), zipSync({ 'picture.npy': npy(classifierInput()) }));
  await writeFile(path('token'), 'a token that is long enough', { mode: 0o600 });
  server = cutpoint(['serve', classifier, ...daemon]);
  const secret = ['--token-file', path('token')];
  agent = cutpoint(['agent', classifier, ...daemon, ...secret, '--server', await server.url()]);
  await agent.url();
});
afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

/** The classifier's input as NumPy would save it. */
function npy(tensors: NamedTensors): Uint8Array {
  const { shape, data } = tensors.get('x') ?? { shape: [], data: new Uint8Array() };
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(', ')}), }`.padEnd(117);
  return Buffer.concat([Buffer.from('\x93NUMPY\x01\x00\x76\x00', 'latin1'), Buffer.from(`${header}\n`), data]);
}

async function ask(url: string, input: string, ...args: readonly string[]) {
  await using asking = cutpoint(['ask', url, '--input', path(input), '--json', ...args]);
  const status = await asking.exit();
  return { status, answer: JSON.parse(asking.stdout) };
}

describe('cutpoint ask', () => {
  it('gives the answer of the whole model, where the time went, and a file', async () => {
    const token = ['--agent-token-file', path('token')];
    const { status, answer } = await ask(await agent.url(), 'x.npy', ...token, '--out', path('out.npz'));
    await using whole = await loadWhole(classifier);
    const [expected] = [...(await whole.run(classifierInput())).outputs.values()];
    expect(status).toBe(0);
    expect(answer.outputs['softmax_0.tmp_0'].data).toEqual(expected && [...f32Values(expected)]);
    expect(Object.keys(answer.timing)).toEqual([
      'frontMs',
      'encodeMs',
      'sendMs',
      'remoteMs',
      'decodeMs',
      'totalMs',
      'stages',
      'links',
    ]);
    expect((await readFile(path('out.npz'))).includes('softmax_0.tmp_0.npy')).toBe(true);
  });

  it('refuses inputs that the agent’s model has not', async () => {
    const { status, answer } = await ask(await agent.url(), 'other.npz', '--agent-token-file', path('token'));
    expect(status).toBe(1);
    expect(answer.error).toMatchObject({ code: 'CUT_INPUT', message: expect.stringContaining('"picture"') });
  });

  it('says so where a model is named and the agent has no fleet', async () => {
    const token = ['--agent-token-file', path('token')];
    const { status, answer } = await ask(await agent.url(), 'x.npy', ...token, '--model', 'classifier');
    expect(status).toBe(2);
    expect(answer.error).toMatchObject({ code: 'CUT_USAGE', message: expect.stringContaining('without "classifier"') });
  });

  it('says so where the agent wants a token or the other side is a server', async () => {
    expect((await ask(await agent.url(), 'x.npy')).answer.error.code).toBe('CUT_UNAUTHORISED');
    expect((await ask(await server.url(), 'x.npy')).answer.error.code).toBe('CUT_MODEL_MISMATCH');
  });
});

it('the client in docs/daemons.md does the same', async () => {
  const page = await readFile(new URL('../docs/daemons.md', import.meta.url), 'utf8');
  const example = await readFile(new URL('daemons-example.testing.ts', import.meta.url), 'utf8');
  expect(page).toContain(`\`\`\`ts\n${example}\`\`\``);
  const x = classifierInput().get('x');
  if (x === undefined) throw new Error('The classifier has the input x.');
  const { outputs, timing } = await askAgent(
    await agent.url(),
    'a token that is long enough',
    'classifier',
    f32Values(x),
  );
  expect([...outputs.keys()]).toEqual(['softmax_0.tmp_0']);
  expect(timing).toMatchObject({ totalMs: expect.any(Number) });
});

it('the daemons say which cut they hold', () => {
  for (const daemon of [server, agent]) {
    const loaded = daemon.log().find(({ msg }) => msg === 'loaded');
    expect(loaded?.at).toEqual([100]);
  }
});
