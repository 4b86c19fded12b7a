import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { folderOfFiles } from './page-files.js';

describe('the files of a page', () => {
  let folder = '';
  const open = async (wanted?: (name: string) => boolean) =>
    await folderOfFiles(pathToFileURL(join(folder, 'page/')), {
      fixed: (name) => name !== 'index.html',
      ...(wanted && { wanted }),
    });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cutpoint-files-'));
    await mkdir(join(folder, 'page'));
    await writeFile(join(folder, 'secret.js'), 'secret');
    await writeFile(join(folder, 'page', 'index.html'), '<p>page</p>');
    await writeFile(join(folder, 'page', 'page-1a2b.js'), 'script');
    await writeFile(join(folder, 'page', 'page-1a2b.js.map'), 'map');
  });
  afterAll(async () => await rm(folder, { recursive: true }));

  it('come plain and compressed, with their type and whether they change', async () => {
    const files = await open();
    const page = await files.read('index.html');
    expect(page).toMatchObject({
      type: 'text/html; charset=utf-8',
      fixed: false,
      tag: expect.stringMatching(/^"\w{32}"$/),
    });
    expect(Buffer.from(page?.bytes ?? []).toString()).toBe('<p>page</p>');
    expect(gunzipSync(page?.gzipped ?? new Uint8Array()).toString()).toBe('<p>page</p>');
    expect(await files.read('page-1a2b.js')).toMatchObject({ type: 'text/javascript; charset=utf-8', fixed: true });
  });

  it.each(['../secret.js', '..%2fsecret.js', 'page-1a2b.js.map', 'missing.js', '', '/etc/passwd', '__proto__'])(
    'are no others: %j',
    async (name) => expect(await (await open()).read(name)).toBeUndefined(),
  );

  it('are only those that are wanted', async () => {
    const files = await open((name) => name === 'index.html');
    expect(await files.read('page-1a2b.js')).toBeUndefined();
    expect(await files.read('index.html')).toBeDefined();
  });

  it('say what to do where the page was not built', async () => {
    await expect(folderOfFiles(pathToFileURL(join(folder, 'none/')), { fixed: () => true })).rejects.toMatchObject({
      code: 'CUT_FILE_NOT_FOUND',
      message: expect.stringContaining('npm run build'),
    });
  });
});
