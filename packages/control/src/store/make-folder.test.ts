import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { writePrivateFile } from '../identity/private-file.js';
import { makeFolder } from './make-folder.js';
import { ownFolder } from './owner-lock.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cutpoint-make-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it('makes a folder with those that it is in, for its owner alone, and again', () => {
  const path = join(folder, 'a', 'b', 'c');
  makeFolder(path);
  makeFolder(path);
  expect(statSync(path).mode & 0o777).toBe(0o700);
});

it('refuses what lies in a file', () => {
  writeFileSync(join(folder, 'file'), '');
  expect(() => makeFolder(join(folder, 'file', 'a'))).toThrow(expect.objectContaining({ code: 'CUT_FILE_WRITE' }));
});

it.skipIf(!existsSync('/proc/self'))('refuses at once where the system makes none (skipped without /proc)', () => {
  const refusal = expect.objectContaining({ code: 'CUT_FILE_WRITE', message: expect.stringContaining('/proc/state') });
  expect(() => makeFolder('/proc/state/device')).toThrow(refusal);
  expect(() => ownFolder('/proc/state/device')).toThrow(refusal);
  expect(() => writePrivateFile('/proc/state/device/key', '')).toThrow(refusal);
});
