import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { f32Values, type NamedTensors } from '@cutpoint/core';
import { inferAtAgent } from '@cutpoint/edge-agent';
import { serialiseModel } from '@cutpoint/graph';
import { connect } from '@cutpoint/wire';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exactInput, exactModel } from '../models/exact-net.js';
import { type Packed, packAgent } from '../packed.testing.js';
import { cutpoint, Process, type Program } from '../processes.testing.js';
import { emulatedNode } from './emulated.testing.js';

const emulated = emulatedNode();
/** An emulated processor is twenty times slower, on a machine that may be busy. */
const startMs = 240_000;
const requestMs = 60_000;
const testMs = 500_000;

let folder: string;
let model: string;
let packed: Packed;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-arm64-'));
  model = join(folder, 'model.onnx');
  await writeFile(model, serialiseModel(exactModel()));
  if (!('missing' in emulated)) packed = await packAgent('linux-arm64', folder);
}, testMs);
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The agent of the packed archive, on the emulated processor. */
function emulatedAgent(args: readonly string[]): Process {
  if ('missing' in emulated) throw new Error(emulated.missing);
  const program: Program = [...emulated.node, join(packed.folder, 'lib/start.cjs')];
  return new Process(['agent', ...args], { ...emulated.env, CUTPOINT_CACHE_DIR: join(folder, 'cache') }, program);
}

async function ask(agent: Process): Promise<NamedTensors> {
  await using peer = await connect({ url: await agent.url(startMs), connectTimeoutMs: requestMs });
  const signal = AbortSignal.timeout(requestMs);
  return (await inferAtAgent(peer, exactInput(), { signal, deadlineMs: requestMs })).outputs;
}

const free = ['--listen', 'ws://127.0.0.1:0', '--json'];

describe.skipIf('missing' in emulated)('an agent on arm64, from its archive', () => {
  it('answers with the bytes of x64 where it runs the whole model', { timeout: testMs }, async () => {
    await using there = emulatedAgent([model, '--at', '8', ...free]);
    await using here = cutpoint(['agent', model, '--at', '8', ...free]);
    const answer = await ask(there);
    expect(answer).toEqual(await ask(here));
    expect(new Set([...answer.values()].flatMap((tensor) => [...f32Values(tensor)])).size).toBeGreaterThan(3);
  });

  it.each(['raw', 'ts-tabq:delta=1e-3+rans'])(
    'sends a server on x64 what an agent there sends, as %s',
    { timeout: testMs },
    async (codec) => {
      await using server = cutpoint(['serve', model, '--at', '3', ...free]);
      const args = [model, '--at', '3', '--codec', codec, '--server', await server.url(), ...free];
      await using there = emulatedAgent([...args, '--connect-timeout-ms', '60000']);
      await using here = cutpoint(['agent', ...args]);
      expect(await ask(there)).toEqual(await ask(here));
    },
  );
});
