import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CutModel, openCutModel } from '@cutpoint/runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { calibrate } from './calibrate.js';
import { evaluate } from './evaluate.js';
import { colourPixels, writeColourModel, writePictureFolder } from './pictures.testing.js';

let folder: string;
let model: CutModel;
let modelPath: string;
let pictures: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-evaluate-'));
  modelPath = await writeColourModel(folder);
  model = await openCutModel(modelPath);
  pictures = join(folder, 'pictures');
  await mkdir(pictures);
  await writePictureFolder(pictures, 24);
});
afterAll(() => rm(folder, { recursive: true }));

const floatsCut = () => model.list.cuts.find(({ tensors: [tensor] }) => tensor?.name === 'b')?.index ?? -1;

describe('an evaluation', () => {
  it('finds split and whole alike under raw, with the bytes of what crosses', async () => {
    const found = await evaluate(model, pictures, { at: floatsCut() });
    expect(found).toMatchObject({ n: 18, top1Whole: 1, top1Split: 1, top1Drop: 0, agreement: 1, klDivergence: 0 });
    expect(found).toMatchObject({ bytesPerSample: 3 * 8 * 8 * 4, bytesStderr: 0, stderr: 0, broken: 0, codec: 'raw' });
  });

  it('counts what a codec saves', async () => {
    const found = await evaluate(model, pictures, { at: floatsCut(), codec: 'f16', limit: 5 });
    expect(found).toMatchObject({ n: 5, agreement: 1, bytesPerSample: 3 * 8 * 8 * 2 });
    expect(found.klDivergence).toBeGreaterThan(0);
    expect(found.klDivergence).toBeLessThan(1e-6);
  });

  it('codes the input as a picture at cut 0, and nowhere else', async () => {
    const found = await evaluate(model, pictures, { at: 0, codec: 'image:format=webp,quality=80', purpose: 'all' });
    expect(found).toMatchObject({ n: 24, codec: 'image:format=webp,quality=80' });
    expect(found.bytesPerSample).toBeLessThan(300);
    expect(found.klDivergence).toBeGreaterThan(0);
    await expect(evaluate(model, pictures, { at: floatsCut(), codec: found.codec })).rejects.toEqual(
      expect.objectContaining({ code: 'CUT_USAGE' }),
    );
  });

  it('makes the table of a transform first, of samples that it does not measure on', async () => {
    const codec = 'transform:step=0.2';
    const found = await evaluate(model, pictures, { at: floatsCut(), codec });
    expect(found).toMatchObject({ n: 18, agreement: 1, codec: expect.stringMatching(/^transform:table=/) });
    const refused = (options: object, code: string) =>
      expect(evaluate(model, pictures, { at: floatsCut(), ...options })).rejects.toEqual(
        expect.objectContaining({ code }),
      );
    await refused({ codec, purpose: 'all' }, 'CUT_USAGE');
    await refused({ codec: 'transform:step=0' }, 'CUT_USAGE');
    await refused({ codec: 'transform:step=x' }, 'CUT_USAGE');
  });

  it('takes a table that was calibrated, at its own cut', async () => {
    const at = floatsCut();
    const { calibration, tables } = await calibrate(model, pictures, { cuts: [at], codecs: ['transform:step=0.2'] });
    const codec = calibration.cuts[0]?.codecs[0]?.codec ?? '';
    const found = await evaluate(model, pictures, { at, codec, tables, purpose: 'all' });
    expect(found).toMatchObject({ n: 24, codec });
    const refused = expect.objectContaining({ code: 'CUT_CODEC_TABLE' });
    await expect(evaluate(model, pictures, { at, codec })).rejects.toEqual(refused);
    await expect(evaluate(model, pictures, { at: at - 1, codec, tables })).rejects.toEqual(refused);
  });

  it('needs no labels', async () => {
    await writeFile(
      join(folder, 'u_nhwc_u8.bin'),
      Buffer.concat([0, 1, 2, 0, 1].map((colour) => colourPixels(colour, 7))),
    );
    const found = await evaluate(model, join(folder, 'u_nhwc_u8.bin'), { at: floatsCut() });
    expect(found).toMatchObject({ n: 3, top1Whole: null, top1Split: null, top1Drop: null, agreement: 1, stderr: 0 });
  });

  it('leaves a broken picture out and says so', async () => {
    const broken = join(folder, 'broken');
    await mkdir(broken);
    await writePictureFolder(broken, 24);
    await writeFile(join(broken, '001.png'), 'no picture');
    const notes: string[] = [];
    const found = await evaluate(model, broken, { at: 0, onNote: (note) => notes.push(note) });
    expect(found).toMatchObject({ n: 17, broken: 1 });
    expect(notes).toEqual([expect.stringMatching(/^Sample 1 is left out/)]);
  });

  it('needs to know how pictures become the input', async () => {
    await rm(modelPath.replace('.onnx', '.preprocessing.json'));
    const bare = await openCutModel(modelPath);
    await expect(evaluate(bare, pictures)).rejects.toEqual(
      expect.objectContaining({
        code: 'CUT_PREPROCESSING',
        message: expect.stringContaining('colours.preprocessing.json'),
      }),
    );
  });

  it('is cancelled by its signal', async () => {
    const signal = AbortSignal.abort();
    await expect(evaluate(model, pictures, { signal })).rejects.toEqual(
      expect.objectContaining({ code: 'CUT_CANCELLED' }),
    );
  });
});
