import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { calibrateTransform, printTransformTable, type TransformTable, transformTableName } from '@cutpoint/codec';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCodecTables, tablesFolderOf, writeCodecTables } from './codec-tables.js';

const [ours, theirs] = ['a'.repeat(64), 'b'.repeat(64)] as const;
const refused = (part: RegExp) =>
  expect.objectContaining({ code: 'CUT_CODEC_TABLE', message: expect.stringMatching(part) });

function tableOf(modelHash: string, relativeStep: number): TransformTable {
  const values = (seed: number) => Float32Array.from({ length: 36 }, (_, i) => Math.sin(i * seed));
  const geometry = { kind: 'map', channels: 4, height: 3, width: 3 } as const;
  return calibrateTransform(() => [values(1), values(2)], { modelHash, cut: 1, tensor: 'x', geometry, relativeStep });
}

const nameOf = (table: TransformTable) =>
  transformTableName('t', createHash('sha256').update(printTransformTable(table)).digest('hex'));

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-tables-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

let made = 0;
async function written(...tables: readonly TransformTable[]): Promise<string> {
  const path = join(folder, String(made++));
  await writeCodecTables(path, new Map(tables.map((table) => [nameOf(table), table])));
  return path;
}

describe('tables in files', () => {
  it('are read back by names that say what is in them', async () => {
    const [fine, rough] = [tableOf(ours, 0.1), tableOf(ours, 0.4)];
    const path = await written(fine, rough);
    const read = await openCodecTables(path, ours);
    expect(read.get(nameOf(fine))).toEqual(fine);
    expect(read.get(nameOf(rough))).toEqual(rough);
    expect(read.size).toBe(2);
    const [name = ''] = await readdir(path);
    expect((await openCodecTables(join(path, name), ours)).size).toBe(1);
  });

  it('of another model are passed over in a folder, which has to have one of this', async () => {
    expect((await openCodecTables(await written(tableOf(ours, 0.1), tableOf(theirs, 0.1)), ours)).size).toBe(1);
    const other = await written(tableOf(theirs, 0.1));
    await expect(openCodecTables(other, ours)).rejects.toEqual(refused(/of this model/));
    await expect(openCodecTables(join(other, (await readdir(other))[0] ?? ''), ours)).rejects.toEqual(refused(/model/));
    const empty = join(folder, 'empty');
    await mkdir(empty);
    await expect(openCodecTables(empty, ours)).rejects.toEqual(refused(/of this model/));
  });

  it('are refused when changed or renamed', async () => {
    const path = await written(tableOf(ours, 0.1));
    const [name = ''] = await readdir(path);
    await copyFile(join(path, name), join(path, 'renamed.table'));
    await expect(openCodecTables(path, ours)).rejects.toEqual(refused(/renamed\.table is not what its name says/));
    const bytes = await readFile(join(path, name));
    bytes[40] = (bytes[40] ?? 0) ^ 1;
    await writeFile(join(path, name), bytes);
    await expect(openCodecTables(join(path, name), ours)).rejects.toEqual(refused(/is not what its name says/));
  });

  it('are said to be missing where there is nothing', async () => {
    const missing = expect.objectContaining({ code: 'CUT_FILE_NOT_FOUND' });
    await expect(openCodecTables(join(folder, 'nowhere'), ours)).rejects.toEqual(missing);
  });

  it('lie beside the calibration that they are of', () => {
    expect(tablesFolderOf('out/m.calibration.json')).toBe('out/m.calibration.tables');
    expect(tablesFolderOf('codecs')).toBe('codecs.tables');
  });
});
