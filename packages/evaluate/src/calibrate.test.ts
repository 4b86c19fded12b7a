import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Calibration, parseCalibration } from '@cutpoint/plan';
import { type CutModel, openCutModel } from '@cutpoint/runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { calibrate } from './calibrate.js';
import { writeColourModel, writePictureFolder } from './pictures.testing.js';

let folder: string;
let model: CutModel;
let pictures: string;
let calibration: Calibration;
const webp = 'image:format=webp,quality=50';
const affine = 'affine:bits=8,per=channel+rans';
const jpeg = 'image:format=jpeg,quality=1';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-calibrate-'));
  model = await openCutModel(await writeColourModel(folder));
  pictures = join(folder, 'pictures');
  await mkdir(pictures);
  await writePictureFolder(pictures, 24);
  const cuts = model.list.cuts.filter(({ tensors }) => tensors.length > 0).map(({ index }) => index);
  ({ calibration } = await calibrate(model, pictures, {
    cuts: [...cuts, 0],
    codecs: ['raw', 'f16', webp, jpeg, affine, 'raw'],
  }));
});
afterAll(() => rm(folder, { recursive: true }));

describe('a calibration', () => {
  it('is a file that the planner reads', () => {
    expect(parseCalibration(JSON.parse(JSON.stringify(calibration)))).toEqual(calibration);
    expect(calibration.model.hash).toBe(model.file.hash);
    expect(calibration.dataSet).toMatchObject({ labelled: true, rows: 24, measuredOn: 18, broken: 0 });
  });

  it('has for each cut the codecs with something to code there, the largest first', () => {
    const [pixels, ...floats] = calibration.cuts;
    expect(new Set(pixels?.codecs.map(({ codec }) => codec))).toEqual(new Set(['raw', webp, jpeg]));
    const ofFloats = floats.filter(({ bytes }) => bytes === 768);
    expect(ofFloats.length).toBeGreaterThan(0);
    for (const { codecs } of ofFloats) {
      expect(codecs.slice(0, 2).map(({ codec, bytesPerSample }) => [codec, bytesPerSample])).toEqual([
        ['raw', 768],
        ['f16', 384],
      ]);
      expect(codecs[2]).toMatchObject({ codec: affine, agreement: 1 });
      expect(codecs[2]?.bytesPerSample).toBeLessThan(220);
      expect(codecs[2]?.klDivergence).toBeGreaterThan(0);
      expect(codecs[0]).toMatchObject({ n: 18, top1Whole: 1, agreement: 1, klDivergence: 0, accuracyLoss: 0 });
    }
  });

  it('recommends for each cut what no other codec there beats', () => {
    for (const { recommended, codecs } of calibration.cuts) {
      const chosen = codecs.find(({ codec }) => codec === recommended);
      expect(chosen?.onFront).toBe(true);
      const better = codecs.filter(
        ({ bytesPerSample, accuracyLoss }) =>
          bytesPerSample < (chosen?.bytesPerSample ?? 0) && accuracyLoss <= (chosen?.accuracyLoss ?? 1),
      );
      expect(better).toEqual([]);
    }
  });

  it('recommends the fewest bytes of those that change few enough answers, where codecs do change some', async () => {
    const noise = join(folder, 'noise');
    await mkdir(noise);
    // Nothing has a colour that stands out, so rough codecs change answers.
    let state = 1;
    const pixels = Uint8Array.from({ length: 80 * 192 }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state >>> 24;
    });
    await writeFile(join(noise, 'set_nhwc_u8.bin'), pixels);
    const at = calibration.cuts.find(({ bytes }) => bytes === 768)?.index ?? -1;
    const codecs = ['raw', 'f16', ...[2, 3, 4, 6].map((bits) => `affine:bits=${bits}`), 'topk:keep=0.3+affine:bits=6'];
    codecs.push(...[0.5, 2, 4].map((step) => `transform:step=${step}`));
    for (const maxLoss of [0, 0.05, 0.3]) {
      const { calibration: found } = await calibrate(model, noise, { cuts: [at], codecs, maxLoss });
      const rows = found.cuts[0]?.codecs ?? [];
      expect(new Set(rows.map(({ accuracyLoss }) => accuracyLoss)).size).toBeGreaterThan(3);
      const chosen = rows.find(({ codec }) => codec === found.cuts[0]?.recommended);
      const kept = rows.filter(({ accuracyLoss }) => accuracyLoss <= maxLoss);
      expect(chosen?.accuracyLoss).toBeLessThanOrEqual(maxLoss);
      expect(chosen?.bytesPerSample).toBe(Math.min(...kept.map(({ bytesPerSample }) => bytesPerSample)));
      expect(chosen?.onFront).toBe(true);
    }
  });

  it('makes the tables of a transform of samples that it does not measure on', async () => {
    const at = calibration.cuts.find(({ bytes }) => bytes === 768)?.index ?? -1;
    const codecs = ['raw', 'transform:step=0.1', 'transform:step=1'];
    const { calibration: found, tables } = await calibrate(model, pictures, { cuts: [0, at], codecs });
    const { dataSet, cuts } = found;
    expect(dataSet).toMatchObject({ calibratedOn: 6, measuredOn: 18 });
    expect(cuts[0]?.codecs.map(({ codec }) => codec)).toEqual(['raw']);
    const [raw, fine, rough] = cuts[1]?.codecs ?? [];
    expect(fine?.codec).toMatch(`transform:table=${model.file.hash.slice(0, 8)}-cut${at}-step0.1-`);
    expect([...tables.keys()].map((name) => `transform:table=${name}`)).toEqual([fine?.codec, rough?.codec]);
    expect(fine?.bytesPerSample).toBeLessThan((raw?.bytesPerSample ?? 0) / 3);
    expect(rough?.bytesPerSample).toBeLessThan(fine?.bytesPerSample ?? 0);
    expect(rough?.klDivergence).toBeGreaterThan(fine?.klDivergence ?? 1);
  });

  it('says that nothing can be measured where no codec has anything to code', async () => {
    await expect(calibrate(model, pictures, { cuts: [0], codecs: ['f16'] })).rejects.toEqual(
      expect.objectContaining({ code: 'CUT_USAGE' }),
    );
    await expect(calibrate(model, pictures, { codecs: ['zip'] })).rejects.toEqual(
      expect.objectContaining({ code: 'CUT_USAGE', message: expect.stringContaining('"zip"') }),
    );
  });
});
