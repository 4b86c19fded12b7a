import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openCodec, type TransformTables, transformCodecs } from '@cutpoint/codec';
import { elementCount, f32Values, type NamedTensors, type Tensor, tensorOf } from '@cutpoint/core';
import { openCodecTables } from '@cutpoint/daemon';
import { attribute, buildModel, node, serialiseModel, tensorValue, weight } from '@cutpoint/graph';
import { loadStage, openCutModel, splitOf } from '@cutpoint/runtime';
import { resultsSchema } from '@cutpoint/testbed';
import { connect, type Reply } from '@cutpoint/wire';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { madeUpProfile } from './made-up-profile.testing.js';
import { cutpoint, type Process } from './processes.testing.js';

vi.setConfig({ testTimeout: 90_000, hookTimeout: 120_000 });

/** The mean of each of four mixtures of the three colours over a picture of 8 x 8; 4 x 8 x 8 floats cross. */
const mixtures = buildModel({
  inputs: [tensorValue('x', 'f32', [1, 3, 8, 8])],
  outputs: [tensorValue('y', 'f32', [1, 4, 1, 1])],
  nodes: [
    node('Conv', ['x', 'w'], ['a'], { kernel_shape: attribute.ints([1, 1]) }),
    node('Relu', ['a'], ['b']),
    node('GlobalAveragePool', ['b'], ['y']),
  ],
  initializers: [weight('w', 'f32', [4, 3, 1, 1], Float32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1, 0.5, -0.5, 0.5))],
});
const positions = 64;

const scenario = `
name: slow
title: Two devices and a slow link
devices:
  - { id: pi, slowDown: 2, profile: profile.json }
  - { id: box, role: server, profile: profile.json }
links:
  - { from: pi, to: box, rateMbit: 0.2, delayMs: 0.1 }
calibrations: { mixtures.onnx: good.json }
codecs: [raw]
`;

let folder = '';
let model = '';
let cut = 0;
let inputs: NamedTensors;
/** What crosses for these inputs. */
let crossing: Tensor;
let tables: TransformTables;
/** A codec whose table is in `folder/good.tables`, and one whose table is in `folder/other.tables`. */
let good = '';
let other = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-daemon-tables-'));
  model = join(folder, 'mixtures.onnx');
  await writeFile(model, serialiseModel(mixtures));
  await writeFile(join(folder, 'mixtures.preprocessing.json'), JSON.stringify({ input: 'x', scale: 1 / 255 }));
  const pixels = Uint8Array.from({ length: 40 * 192 }, (_, i) => (Math.imul(i + 1, 2_654_435_761) >>> 25) + (i % 100));
  await writeFile(join(folder, 'set_nhwc_u8.bin'), pixels);
  const opened = await openCutModel(model);
  cut = opened.list.cuts.find(({ tensors }) => tensors[0]?.name === 'b')?.index ?? -1;
  const [input] = opened.inputs;
  const shape = (input?.shape ?? []).map(Number);
  inputs = new Map([[input?.name ?? '', tensorOf(input?.dtype ?? 'u8', shape, pixels.slice(0, elementCount(shape)))]]);
  const [first] = splitOf(opened, [cut]).segments;
  if (first === undefined) throw new Error('The model was not cut.');
  await using front = await loadStage(first);
  const sent = (await front.run(inputs)).sends.get('b');
  if (sent === undefined) throw new Error('Nothing crosses.');
  crossing = sent;
  good = await calibrated('good', '0.3');
  other = await calibrated('other', '0.9');
  tables = await openCodecTables(join(folder, 'good.tables'), opened.file.hash);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Calibrates a transform, whose table lies in a folder of that name; returns the spec. */
async function calibrated(name: string, step: string): Promise<string> {
  const out = join(folder, `${name}.json`);
  const args = ['--dataset', folder, '--cuts', String(cut), '--codecs', `raw,transform:step=${step}`];
  await using process = cutpoint(['calibrate', model, ...args, '--out', out, '--json']);
  if ((await process.exit(60_000)) !== 0) throw new Error(process.stderr);
  expect(process.stderr).toContain(`--codec-tables ${join(folder, `${name}.tables`)}`);
  const [, transform] = JSON.parse(process.stdout).cuts[0].codecs;
  return transform.codec;
}

const tablesOf = (name: string) => ['--codec-tables', join(folder, `${name}.tables`)];
const local = ['--listen', 'ws://127.0.0.1:0', '--json'];
const serve = (...args: readonly string[]) => cutpoint(['serve', model, ...local, ...args]);
const agent = async (server: Process, ...args: readonly string[]) =>
  cutpoint(['agent', model, ...local, '--server', await server.url(), ...args]);

async function inferAt(front: Process, codec?: string): Promise<Reply> {
  await using peer = await connect({ url: await front.url(), connectTimeoutMs: 5_000 });
  const meta = codec === undefined ? {} : { meta: { split: { at: [cut], codecs: [codec] } } };
  return await peer.request({ method: 'infer', tensors: inputs, ...meta }, { deadlineMs: 30_000 });
}

/** How far the answer is from that of what crosses, in the norm: a mean over positions makes errors smaller by its root. */
function expectWithinBound(answer: readonly number[]): void {
  const means = Array.from({ length: 4 }, (_, channel) => {
    const own = f32Values(crossing).subarray(channel * positions, (channel + 1) * positions);
    return own.reduce((sum, value) => sum + value, 0) / positions;
  });
  const error = Math.hypot(...means.map((mean, i) => mean - (answer[i] ?? Number.NaN)));
  const bound = openCodec(good, { transform: transformCodecs(tables) }).bound(crossing);
  if (bound.kind !== 'norm') throw new Error('The bound is not one of the norm.');
  expect(error).toBeGreaterThan(1e-6);
  expect(error).toBeLessThanOrEqual(bound.most / Math.sqrt(positions) + 1e-6);
}

const answerOf = ({ tensors }: Reply): number[] => [...tensors.values()].flatMap((tensor) => [...f32Values(tensor)]);

describe('a transform between two processes', () => {
  it('gives the answer within the bound of the codec', async () => {
    await using server = serve('--at', String(cut), ...tablesOf('good'));
    await using front = await agent(server, '--at', String(cut), '--codec', good, ...tablesOf('good'));
    expectWithinBound(answerOf(await inferAt(front)));
  });

  it('is chosen by a request, where agent and server are there for any cut', async () => {
    await using server = serve(...tablesOf('good'));
    await using front = await agent(server, ...tablesOf('good'));
    expectWithinBound(answerOf(await inferAt(front, good)));
    await expect(inferAt(front, other)).rejects.toEqual(
      expect.objectContaining({ code: 'CUT_CODEC_TABLE', message: expect.stringContaining('no table') }),
    );
  });

  it('is refused at the start where the server has other tables, or none', async () => {
    for (const has of [tablesOf('other'), []]) {
      await using server = serve('--at', String(cut), ...has);
      await using front = await agent(server, '--at', String(cut), '--codec', good, ...tablesOf('good'));
      expect(await front.exit()).toBe(1);
      expect(front.stderr).toMatch(
        /^error CUT_CODEC_TABLE: The server at ws:.* cannot take what crosses\. .*no table/m,
      );
    }
  });

  it('is refused at the start where the agent has no table', async () => {
    await using server = serve('--at', String(cut), ...tablesOf('good'));
    await using front = await agent(server, '--at', String(cut), '--codec', good);
    expect(await front.exit()).toBe(1);
    expect(front.stderr).toMatch(/^error CUT_CODEC_TABLE: The codec transform has no table .*--codec-tables/m);
  });

  it('crosses the second cut of a chain, where the servers on both sides have the table', async () => {
    await using last = serve(...tablesOf('good'));
    const chain = ['--at', `${cut - 1},${cut}`, '--codec', `raw,${good}`];
    await using middle = serve('--next', await last.url(), ...tablesOf('good'));
    await using front = await agent(middle, ...chain);
    expectWithinBound(answerOf(await inferAt(front)));
    await using without = serve('--next', await last.url());
    await using refused = await agent(without, ...chain);
    expect(await refused.exit()).toBe(1);
    expect(refused.stderr).toContain('error CUT_CODEC_TABLE: The server at');
  });

  it('is refused at another cut than its own', async () => {
    const at = String(cut - 1);
    await using server = serve('--at', at, ...tablesOf('good'));
    await using front = await agent(server, '--at', at, '--codec', good, ...tablesOf('good'));
    expect(await front.exit()).toBe(1);
    expect(front.stderr).toContain(`is of cut ${cut}, not of cut ${at}`);
  });

  it('runs once with cutpoint run, which starts a server with the same tables', async () => {
    const input = join(folder, 'x.npy');
    await writeFile(input, npyOf(inputs));
    const args = ['run', model, '--at', String(cut), '--codec', good, ...tablesOf('good'), '--input', input];
    await using process = cutpoint([...args, '--json']);
    expect(await process.exit()).toBe(0);
    const [output] = Object.values(JSON.parse(process.stdout).outputs) as { data: number[] }[];
    expectWithinBound(output?.data ?? []);
    await using shown = cutpoint(args, { NO_COLOR: '1' });
    expect(await shown.exit()).toBe(0);
    expect(shown.stdout).toMatch(/crossed +\d{2,3} B: u8/);
  });

  it('has its tables beside the segments, where they were split with them', async () => {
    const out = join(folder, 'segments');
    await using splitting = cutpoint([
      'split',
      model,
      '--at',
      String(cut),
      '--out',
      out,
      ...tablesOf('good'),
      '--json',
    ]);
    expect(await splitting.exit()).toBe(0);
    const segments = join(out, 'segments.json');
    await using server = cutpoint(['serve', segments, ...local]);
    const reach = ['--server', await server.url(), '--codec', good];
    await using front = cutpoint(['agent', segments, ...local, ...reach]);
    expectWithinBound(answerOf(await inferAt(front)));
    await using wrong = cutpoint(['split', model, '--at', String(cut - 1), '--out', out, ...tablesOf('good')]);
    expect(await wrong.exit()).toBe(1);
    expect(wrong.stderr).toContain(`The tables are of cut ${cut}, not of cut ${cut - 1}`);
  });

  it('is planned and run by the testbed, with the tables beside the calibration', { timeout: 240_000 }, async () => {
    // What lies behind the cut takes all the time, so that it is best done elsewhere, and the link is slow.
    const wholeMs = 400;
    const even = await madeUpProfile(model, wholeMs);
    const frontMs = even.frontMs.map((ms, index) => (index <= cut ? index / 100 : ms));
    const profile = { ...even, frontMs, backMs: frontMs.map((ms) => wholeMs - ms) };
    await writeFile(join(folder, 'profile.json'), JSON.stringify(profile));
    await writeFile(join(folder, 'slow.yaml'), scenario);
    const options = ['--plans', '1', '--seconds', '1', '--emulation', 'proxy', '--model', model, '--json'];
    await using testbed = cutpoint([
      ...['testbed', 'run', join(folder, 'slow.yaml'), '--out', join(folder, 'out')],
      ...options,
    ]);
    expect(await testbed.exit(200_000)).toBe(0);
    const { rows } = resultsSchema.parse(JSON.parse(testbed.stdout));
    const row = rows.find(({ plan }) => plan.codecs.includes(good));
    expect(row?.plan).toMatchObject({ devices: ['pi', 'box'], cuts: [cut] });
    expect(row?.measured.throughputHz).toBeGreaterThan(0);
  });

  it('is measured again by the name of its table', async () => {
    const args = ['--dataset', folder, '--at', String(cut), '--codec', good, ...tablesOf('good'), '--json'];
    await using process = cutpoint(['eval', model, ...args]);
    expect(await process.exit(60_000)).toBe(0);
    expect(JSON.parse(process.stdout)).toMatchObject({ n: 30, codec: good });
  });
});

/** A .npy file of u8, as NumPy would save it. */
function npyOf(tensors: NamedTensors): Uint8Array {
  const [{ shape, data } = { shape: [], data: new Uint8Array() }] = tensors.values();
  const header = `{'descr': '|u1', 'fortran_order': False, 'shape': (${shape.join(', ')}), }`.padEnd(117);
  return Buffer.concat([Buffer.from('\x93NUMPY\x01\x00\x76\x00', 'latin1'), Buffer.from(`${header}\n`), data]);
}
