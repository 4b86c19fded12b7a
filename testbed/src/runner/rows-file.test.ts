import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRows } from './rows-file.js';

const parse = (value: unknown): number => {
  if (typeof value !== 'number') throw new Error('it is no number');
  return value;
};

const name = 'model.onnx';
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-rows-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('rows of a sweep', () => {
  it('are there after an interruption, but for a line that was cut off', async () => {
    const rows = await openRows(folder, { name, identity: 'a', resume: false, parse });
    await rows.add('one', 1);
    await rows.add('two', 2);
    await appendFile(join(folder, 'rows-model.onnx.jsonl'), '{"key":"three","r');
    const again = await openRows(folder, { name, identity: 'a', resume: true, parse });
    expect([...again.known]).toEqual([
      ['one', 1],
      ['two', 2],
    ]);
    await again.add('three', 3);
    expect((await openRows(folder, { name, identity: 'a', resume: true, parse })).known.size).toBe(3);
  });

  it('begin anew unless they are resumed', async () => {
    const rows = await openRows(folder, { name, identity: 'a', resume: false, parse });
    expect(rows.known.size).toBe(0);
  });

  it('of another sweep are refused', async () => {
    const resumed = openRows(folder, { name, identity: 'b', resume: true, parse });
    await expect(resumed).rejects.toThrow(expect.objectContaining({ code: 'CUT_USAGE' }));
  });

  it('are empty where nothing was interrupted', async () => {
    const rows = await openRows(join(folder, 'new'), { name, identity: 'b', resume: true, parse });
    expect(rows.known.size).toBe(0);
  });
});
