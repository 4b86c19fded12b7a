import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CuttableLink } from '../cuttable-link.testing.js';
import { classifier } from '../models.testing.js';
import { describeInBrowser } from './chromium.testing.js';
import { servePage } from './page-server.testing.js';

const picturePath = fileURLToPath(new URL('../../examples/read-text/pictures/plain.png', import.meta.url));
const answeredMs = 60_000;
const dims = [1, 48, 192].flatMap((size, i) => ['--dim', `p2o.DynamicDimension.${i}=${size}`]);
const status = (page: Page) => page.locator('.split .status');
const says = async (page: Page, text: string | RegExp) =>
  await status(page).filter({ hasText: text }).waitFor({ timeout: answeredMs });
const choose = async (page: Page, file: string) =>
  await page.getByLabel('Picture', { exact: true }).setInputFiles(file);
const run = async (page: Page) => await page.getByRole('button', { name: 'Run' }).click();

describeInBrowser('the picture page on a phone', 'no webgpu', (browser) => {
  let folder = '';
  let model = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cutpoint-page-'));
    model = join(folder, 'net.onnx');
    await copyFile(classifier, model);
    // Says nothing of how pictures are resized.
    const declared = { input: 'x', layout: 'nchw', mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], scale: 1 / 255 };
    await writeFile(join(folder, 'net.preprocessing.json'), JSON.stringify(declared));
    await writeFile(join(folder, 'no-picture.png'), 'This is no picture.');
  });
  afterAll(async () => await rm(folder, { recursive: true }));

  it('runs a model that does not declare how pictures are resized, in the width of the screen', async () => {
    await using server = await servePage(model, ...dims);
    const { page, problems } = await browser.open(server.url);
    await choose(page, picturePath);
    await run(page);
    await says(page, /^Done|CUT_/);
    expect(await status(page).innerText()).toBe('Done.');
    expect(await page.locator('.answers li').count()).toBeGreaterThan(0);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
    expect(problems).toEqual([]);
  });

  it('clears the answer when another picture is chosen, and says at once that a file is none', async () => {
    await using server = await servePage(model, ...dims);
    const { page } = await browser.open(server.url);
    await choose(page, picturePath);
    await run(page);
    await says(page, 'Done.');
    await choose(page, join(folder, 'no-picture.png'));
    await says(page, /cannot read the picture.*CUT_IMAGE/);
    expect(await page.locator('.answers').count()).toBe(0);
    await choose(page, picturePath);
    await page.getByAltText('The chosen picture').waitFor();
    expect(await status(page).innerText()).toBe('');
  });

  it('says that there is no connection for as long as there is none', async () => {
    await using server = await servePage(model, ...dims);
    await using link = await CuttableLink.open('127.0.0.1', Number(new URL(server.url).port));
    const { page } = await browser.open(`http://127.0.0.1:${link.port}/`);
    await page.getByText('Connected to').waitFor();
    await choose(page, picturePath);
    link.leadTo(1);
    link.drop();
    await page.locator('#connection[data-state=waiting]').waitFor();
    await run(page);
    await says(page, /There is no connection.*CUT_CONNECTION_LOST/);
    link.leadTo(Number(new URL(server.url).port));
    await page.getByText('Connected to').waitFor();
    await status(page).filter({ hasNotText: 'CUT_CONNECTION_LOST' }).waitFor({ state: 'attached' });
    expect(await page.locator('.split .status.bad').count()).toBe(0);
  });
});
