import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { attribute, buildModel, node, serialiseModel, tensorValue, weight } from '@cutpoint/graph';
import { parseCalibration } from '@cutpoint/plan';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cutpoint } from './processes.testing.js';

/** Which of three colours a picture of 8 x 8 has the most of; floats cross before and behind the rectifier. */
const colours = buildModel({
  inputs: [tensorValue('x', 'f32', [1, 3, 8, 8])],
  outputs: [tensorValue('y', 'f32', [1, 3, 1, 1])],
  nodes: [
    node('Conv', ['x', 'w'], ['a'], { kernel_shape: attribute.ints([1, 1]) }),
    node('Relu', ['a'], ['b']),
    node('GlobalAveragePool', ['b'], ['y']),
  ],
  initializers: [weight('w', 'f32', [3, 3, 1, 1], Float32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1))],
});

const shared = fileURLToPath(new URL('../../shared/models', import.meta.url));
let folder = '';
let model = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-evaluate-'));
  model = join(folder, 'colours.onnx');
  await writeFile(model, serialiseModel(colours));
  await writeFile(join(folder, 'colours.preprocessing.json'), JSON.stringify({ input: 'x', scale: 1 / 255 }));
  const pixels = Uint8Array.from({ length: 40 * 192 }, (_, i) => {
    const noise = Math.imul(i + 1, 2_654_435_761) >>> 25;
    return noise + (i % 3 === Math.floor(i / 192) % 3 ? 100 : 40);
  });
  await writeFile(join(folder, 'set_nhwc_u8.bin'), pixels);
  await writeFile(
    join(folder, 'set_labels_u8.bin'),
    Uint8Array.from({ length: 40 }, (_, i) => i % 3),
  );
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function run(...args: string[]) {
  await using process = cutpoint(args, { CUTPOINT_CACHE_DIR: join(folder, 'cache'), NO_COLOR: '1' });
  // Planning profiles the model first.
  const status = await process.exit(100_000);
  return { status, stdout: process.stdout, stderr: process.stderr };
}

async function json(...args: string[]) {
  const { stdout } = await run(...args, '--json');
  return JSON.parse(stdout);
}

/** The cut at which the tensor crosses. */
async function cutOf(tensor: string): Promise<number> {
  const { cuts } = await json('cuts', model);
  return cuts.find(({ tensors }: { tensors: { name: string }[] }) => tensors[0]?.name === tensor).index;
}

describe('cutpoint eval', () => {
  it('compares split and whole on the samples that do not calibrate', { timeout: 60_000 }, async () => {
    const at = String(await cutOf('b'));
    const found = await json('eval', model, '--dataset', folder, '--at', at, '--codec', 'f16');
    expect(found).toMatchObject({ n: 30, top1Whole: 1, top1Split: 1, agreement: 1, bytesPerSample: 384, stderr: 0 });
    const raw = await json('eval', model, '--dataset', folder, '--limit', '7', '--all');
    expect(raw).toMatchObject({ n: 7, cut: { index: 0 }, codec: 'raw', bytesPerSample: 192, klDivergence: 0 });
    const shown = await run('eval', model, '--dataset', folder, '--at', at);
    expect(shown.status).toBe(0);
    expect(shown.stdout).toMatch(/top-1 split +100\.00 %/);
    expect(shown.stdout).toMatch(/bytes +768 B per sample/);
  });

  it('says in one sentence what is wrong', async () => {
    const failing = async (...args: string[]) => (await run('eval', model, ...args)).stderr;
    expect(await failing('--dataset', join(folder, 'nowhere'))).toMatch(/^error CUT_FILE_NOT_FOUND: .*\n$/);
    expect(await failing('--dataset', folder, '--codec', 'zip')).toMatch(/^error CUT_USAGE: .*zip.*\n$/);
    expect(await failing('--dataset', folder, '--at', '99')).toMatch(/^error CUT_ILLEGAL_CUT: /);
    expect(await failing('--dataset', folder, '--raw-size', '5x5x3')).toMatch(/^error CUT_DATASET: /);
    expect(await failing()).toMatch(/^error CUT_USAGE: .*--dataset/);
  });

  it.skipIf(!existsSync(shared))('evaluates a real model on real pictures', { timeout: 120_000 }, async () => {
    const preprocessing = join(folder, 'imagenet.json');
    const mean = [0.485, 0.456, 0.406];
    const declared = { input: 'input', scale: 1 / 255, mean, std: [0.229, 0.224, 0.225], resize: { shortSide: 256 } };
    await writeFile(preprocessing, JSON.stringify(declared));
    const data = ['--dataset', join(shared, 'data/imagenet_400'), '--preprocessing', preprocessing, '--limit', '12'];
    const found = await json(
      'eval',
      join(shared, 'vision/mobilenet_v2_f32.onnx'),
      ...data,
      '--at',
      '120',
      '--codec',
      'f16',
    );
    expect(found).toMatchObject({ n: 12, broken: 0, bytesPerSample: 15_680, agreement: 1 });
    expect(found.top1Whole).toBeGreaterThan(0.4);
    expect(found.top1Split).toBe(found.top1Whole);
  });
});

describe('cutpoint calibrate', () => {
  it('writes what the planner then chooses codecs by', { timeout: 120_000 }, async () => {
    const out = join(folder, 'colours.calibration.json');
    const at = await cutOf('b');
    const codecs = 'raw,f16,affine:bits=4,per=channel+rans,affine:bits=2';
    const args = ['--dataset', folder, '--cuts', `0,${at}`, '--codecs', codecs, '--out', out];
    const calibration = parseCalibration(await json('calibrate', model, ...args));
    expect(parseCalibration(JSON.parse(await readFile(out, 'utf8')))).toEqual(calibration);
    expect(calibration.cuts.map(({ index }) => index)).toEqual([0, at]);
    const [, cut] = calibration.cuts;
    const chosen = cut?.codecs.find(({ codec }) => codec === cut.recommended);
    expect(chosen?.onFront).toBe(true);
    expect(cut?.codecs.map(({ n }) => n)).toEqual([30, 30, 30, 30]);

    const planned = await json(
      'plan',
      model,
      '--scenario',
      'home-wifi',
      '--codecs',
      out,
      '--objective',
      'bytes,accuracy',
    );
    const atCut = planned.front.filter(({ cuts }: { cuts: number[] }) => cuts[0] === at);
    const known = cut?.codecs.map(({ codec }) => codec);
    for (const { codecs: names } of atCut) expect(known).toContain(names[0]);
    expect(planned.notes).toContainEqual(expect.stringContaining('0.02'));
    const shown = await run('calibrate', model, ...args);
    expect(shown.stdout).toMatch(/^> +affine/m);
  });

  it('says before it measures that it cannot write', async () => {
    const { stderr } = await run('calibrate', model, '--dataset', folder, '--out', join(folder, 'no', 'file.json'));
    expect(stderr).toMatch(/^error CUT_FILE_WRITE: /);
  });
});
