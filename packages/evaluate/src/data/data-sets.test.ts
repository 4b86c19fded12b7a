import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CutpointError } from '@cutpoint/core';
import type { PictureFit } from '@cutpoint/picture';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadSharp } from '../image/load-sharp.js';
import { colourPixels, writePicture, writePictureFolder } from '../pictures.testing.js';
import { chooseRows, type Purpose } from './choose-rows.js';
import type { Sample } from './data-set.js';
import { parseLabels } from './labels-csv.js';
import { openDataSet } from './open-data-set.js';
import { readSamples } from './read-samples.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-data-'));
});
afterAll(() => rm(folder, { recursive: true }));

let made = 0;
async function emptyFolder(): Promise<string> {
  const path = join(folder, String(made++));
  await mkdir(path);
  return path;
}

const size = { width: 8, height: 8, channels: 3 } as const;
const fit: PictureFit = { resize: undefined, kernel: 'linear' };
const failing = (code: string, message = /./) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) });

describe('a folder of pictures', () => {
  it('gives those that labels.csv lists, in its order, with their classes', async () => {
    const path = await emptyFolder();
    await writePictureFolder(path, 4);
    await writePicture(join(path, 'not-listed.png'), colourPixels(0, 9));
    await using dataSet = await openDataSet(path, { size, fit });
    expect(dataSet).toMatchObject({ rows: 4, labelled: true });
    const sample = await dataSet.read(2);
    expect(sample).toMatchObject({ row: 2, name: '002.png', label: 2, pixels: size });
    expect(sample.pixels.data).toEqual(colourPixels(2, 2));
  });

  it('gives all that are pictures by name, where there are no labels', async () => {
    const path = await emptyFolder();
    await writePicture(join(path, 'b.png'), colourPixels(1, 0));
    await writePicture(join(path, 'a.JPG'), colourPixels(2, 0));
    await writeFile(join(path, 'notes.txt'), 'no picture');
    await using dataSet = await openDataSet(path, { size, fit });
    expect(dataSet).toMatchObject({ rows: 2, labelled: false });
    expect(await dataSet.read(0)).toMatchObject({ name: 'a.JPG', label: undefined });
  });

  it('scales pictures to the short side that was asked for and keeps the middle', async () => {
    const path = await emptyFolder();
    // Left third red, middle green, right blue: the middle is all that is left of it.
    const pixels = Uint8Array.from({ length: 48 * 16 * 3 }, (_, i) => {
      const column = Math.floor(i / 3) % 48;
      return i % 3 === Math.floor(column / 16) ? 255 : 0;
    });
    await writePicture(join(path, 'wide.png'), pixels, 48, 16);
    for (const resize of [{ shortSide: 8 }, { shortSide: 12 }, undefined]) {
      await using dataSet = await openDataSet(path, { size, fit: { ...fit, resize } });
      const { data } = (await dataSet.read(0)).pixels;
      expect(data).toHaveLength(8 * 8 * 3);
      expect([data[3 * 4], data[3 * 4 + 1], data[3 * 4 + 2]]).toEqual([0, 255, 0]);
    }
    await using stretched = await openDataSet(path, { size, fit: { ...fit, resize: 'stretch' } });
    const { data } = (await stretched.read(0)).pixels;
    expect([data[0], data[3 * 7 + 2]]).toEqual([255, 255]);
    expect(data[3 * 4 + 1]).toBeGreaterThan(200);
    await using small = await openDataSet(path, { size, fit: { ...fit, resize: { shortSide: 4 } } });
    await expect(small.read(0)).rejects.toEqual(failing('CUT_PREPROCESSING', /short side of 4/));
  });

  it('does not read what labels.csv names outside of it', async () => {
    const path = await emptyFolder();
    await writeFile(join(path, 'labels.csv'), 'file,class_index\n../secret.png,1\n');
    await expect(openDataSet(path, { size, fit })).rejects.toEqual(failing('CUT_DATASET', /outside/));
  });

  it('is refused where it holds nothing of use', async () => {
    await expect(openDataSet(await emptyFolder(), { size, fit })).rejects.toEqual(failing('CUT_DATASET'));
    await expect(openDataSet(join(folder, 'nowhere'), { size, fit })).rejects.toEqual(failing('CUT_FILE_NOT_FOUND'));
  });

  it('says how to install the library where it is missing', async () => {
    const missing = () => Promise.reject(new Error("Cannot find package 'sharp'"));
    await expect(loadSharp(missing)).rejects.toEqual(failing('CUT_IMAGE_LIBRARY', /npm install sharp/));
  });
});

describe('labels', () => {
  it('are found by their headings; quotes and commas may be in fields', () => {
    const text = '\ufeffname,class_index,file\n"a ""b"", c",3,"x,y.jpg"\n\nd,0,z.jpg\n';
    expect(parseLabels(text, 'it')).toEqual([
      { file: 'x,y.jpg', label: 3 },
      { file: 'z.jpg', label: 0 },
    ]);
  });

  it.each([
    ['', /first line/],
    ['file,class\na,1', /first line/],
    ['file,class_index\na', /Line 2/],
    ['file,class_index\na,1\nb,-1', /Line 3/],
    ['file,class_index\na,1.5', /Line 2/],
  ])('are refused with the line where they are wrong: %j', (text, message) => {
    expect(() => parseLabels(text, 'it')).toThrow(failing('CUT_DATASET', message));
  });
});

describe('raw pixels', () => {
  async function writeRaw(rows: number, labels: number): Promise<string> {
    const path = await emptyFolder();
    const pixels = Array.from({ length: rows }, (_, i) => Buffer.from(colourPixels(i % 3, i)));
    await writeFile(join(path, 'set_nhwc_u8.bin'), Buffer.concat(pixels));
    if (labels > 0)
      await writeFile(
        join(path, 'set_labels_u8.bin'),
        Uint8Array.from({ length: labels }, (_, i) => i % 3),
      );
    return path;
  }

  it('are read by place, with their labels, from the folder or by name', async () => {
    const path = await writeRaw(5, 5);
    for (const named of [path, join(path, 'set_nhwc_u8.bin')]) {
      await using dataSet = await openDataSet(named, { size, fit });
      expect(dataSet).toMatchObject({ rows: 5, labelled: true });
      const { label, pixels } = await dataSet.read(4);
      expect([label, pixels.data]).toEqual([1, colourPixels(1, 4)]);
    }
  });

  it('need no labels', async () => {
    await using dataSet = await openDataSet(await writeRaw(2, 0), { size, fit });
    expect(dataSet.labelled).toBe(false);
  });

  it('are scaled where a file beside them, or the caller, says that they are of another size', async () => {
    const path = await emptyFolder();
    await writeFile(join(path, 'set_nhwc_u8.bin'), colourPixels(1, 0, 16, 12));
    await writeFile(join(path, 'set.json'), '{"width": 16, "height": 12, "channels": 3}');
    await using bySide = await openDataSet(path, { size, fit });
    expect((await bySide.read(0)).pixels).toMatchObject(size);
    const rawSize = { width: 4, height: 4, channels: 3 } as const;
    await using byCaller = await openDataSet(path, { size, fit, rawSize });
    expect(byCaller.rows).toBe(12);
    expect((await byCaller.read(11)).pixels).toMatchObject(size);
  });

  it('are refused where numbers do not fit', async () => {
    const path = await writeRaw(3, 2);
    await expect(openDataSet(path, { size, fit })).rejects.toEqual(failing('CUT_DATASET', /2 labels for 3/));
    const odd = { width: 7, height: 8, channels: 3 } as const;
    await expect(openDataSet(path, { size, fit, rawSize: odd })).rejects.toEqual(failing('CUT_DATASET', /no pictures/));
    await writeFile(join(path, 'set.json'), '{"width": 8}');
    await expect(openDataSet(path, { size, fit })).rejects.toEqual(failing('CUT_DATASET', /does not state/));
  });
});

describe('the rows that are chosen', () => {
  it('calibrate or evaluate, never both, and all do one of them', () => {
    fc.assert(
      fc.property(fc.nat({ max: 500 }), (rows) => {
        const of = (purpose: Purpose) => chooseRows(rows, purpose);
        const sorted = [...of('calibrate'), ...of('evaluate')].sort((a, b) => a - b);
        expect(sorted).toEqual(Array.from({ length: rows }, (_, i) => i));
        expect(of('calibrate').every((row) => row % 4 === 0)).toBe(true);
        expect([...of('all')].sort((a, b) => a - b)).toEqual(sorted);
      }),
    );
  });

  it('are mixed, and fewer of them are the first of more', () => {
    const many = chooseRows(1000, 'evaluate', 200);
    expect(many.slice(0, 50)).toEqual(chooseRows(1000, 'evaluate', 50));
    const firstHalf = many.filter((row) => row < 500).length;
    expect(firstHalf).toBeGreaterThan(70);
    expect(firstHalf).toBeLessThan(130);
  });
});

describe('samples that are read', () => {
  const rows = Array.from({ length: 40 }, (_, i) => i);
  const pixels = { ...size, data: new Uint8Array(192) };

  async function readWith(broken: readonly number[], error = new CutpointError('CUT_IMAGE', 'It is broken.')) {
    const told: number[] = [];
    const dataSet = {
      rows: 40,
      labelled: false,
      read: async (row: number): Promise<Sample> => {
        if (broken.includes(row)) throw error;
        return { row, name: '', label: undefined, pixels };
      },
      [Symbol.asyncDispose]: async () => {},
    };
    const read: number[] = [];
    for await (const sample of readSamples(dataSet, rows, { onBroken: (row) => told.push(row) })) read.push(sample.row);
    return { read, told };
  }

  it('come in order; a few broken ones are told of and left out', async () => {
    expect(await readWith([3, 39])).toEqual({ read: rows.filter((row) => row !== 3 && row !== 39), told: [3, 39] });
  });

  it('end with an error where more than one in twenty is broken', async () => {
    await expect(readWith([3, 5, 39])).rejects.toEqual(failing('CUT_DATASET', /More than 2 samples.*row 39/));
  });

  it('end at once where something else fails', async () => {
    await expect(readWith([3], new CutpointError('CUT_PREPROCESSING', 'No.'))).rejects.toEqual(
      failing('CUT_PREPROCESSING'),
    );
    await expect(readWith([3], new TypeError('defect') as CutpointError)).rejects.toThrow('defect');
  });
});
