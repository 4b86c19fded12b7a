import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeFolderBeside } from './folder-beside.js';

let parent: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'beside-'));
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

it('what a killed process left beside a folder is removed, what one that lives has there stays', async () => {
  const { pid: ended } = spawnSync(process.execPath, ['--version']);
  const own = await makeFolderBeside(join(parent, 'p'), 'calibrating');
  const names = [
    `p.${ended}-0123abcd.calibrating`,
    `p.${ended}-0123abcd.partial`,
    `q.${ended}-0123abcd.partial`,
    `p.${ended}-0123abcd`,
    'p.mine.partial',
  ];
  for (const name of names) mkdirSync(join(parent, name));
  const next = await makeFolderBeside(join(parent, 'p'), 'partial');
  expect(existsSync(own)).toBe(true);
  expect(readdirSync(parent).sort()).toEqual([basename(own), basename(next), ...names.slice(2)].sort());
});
