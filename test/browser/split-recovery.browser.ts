import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CuttableLink } from '../cuttable-link.testing.js';
import { classifier, detector } from '../models.testing.js';
import { until } from '../processes.testing.js';
import { describeInBrowser } from './chromium.testing.js';
import { type PageServer, servePage } from './page-server.testing.js';

const answeredMs = 60_000;
const status = (page: Page) => page.locator('.split .status');
const run = async (page: Page) => await page.getByRole('button', { name: 'Run' }).click();
const says = async (page: Page, text: string | RegExp) =>
  await status(page).filter({ hasText: text }).waitFor({ timeout: answeredMs });
const portOf = ({ url }: PageServer) => Number(new URL(url).port);

describeInBrowser('a split in the page, when something goes wrong', 'no webgpu', (browser) => {
  let folder = '';
  let model = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cutpoint-page-'));
    model = join(folder, 'first.onnx');
    await copyFile(classifier, model);
    await copyFile(detector, join(folder, 'second.onnx'));
  });
  afterAll(async () => await rm(folder, { recursive: true }));

  /** A page that ran once, behind a link, and then lost its connection in the middle of a request. */
  async function loseRequest(link: CuttableLink, then: () => void) {
    const opened = await browser.open(`http://127.0.0.1:${link.port}/`);
    await run(opened.page);
    await says(opened.page, 'Done.');
    link.cut();
    const before = link.swallowedBytes;
    await run(opened.page);
    await until(async () => link.swallowedBytes > before, 'the request is under way', answeredMs);
    await says(opened.page, 'Running ...');
    then();
    link.drop();
    return opened;
  }

  it('answers a request whose socket was lost, over the next one', async () => {
    await using server = await servePage(model);
    await using link = await CuttableLink.open('127.0.0.1', portOf(server));
    const { page } = await loseRequest(link, () => undefined);
    await says(page, 'Done.');
    expect(await page.locator('.split .status.bad').count()).toBe(0);
  });

  it('says that the server has another model when it came back with one, and runs that', async () => {
    await using server = await servePage(model);
    await using other = await servePage(join(folder, 'second.onnx'));
    await using link = await CuttableLink.open('127.0.0.1', portOf(server));
    const { page } = await loseRequest(link, () => link.leadTo(portOf(other)));
    await says(page, /another model now: second.*CUT_MODEL_MISMATCH/);
    await page.getByRole('heading', { name: 'second' }).waitFor();
  });

  it('asks for the offer again when the server came back with another cut, and runs that', async () => {
    await using server = await servePage(model);
    await using other = await servePage(model, '--at', '2');
    await using link = await CuttableLink.open('127.0.0.1', portOf(server));
    const { page } = await loseRequest(link, () => link.leadTo(portOf(other)));
    await says(page, /asked for again.*CUT_MODEL_MISMATCH/);
    expect(await page.getByLabel('Cut').inputValue()).toBe('[2]');
    await run(page);
    await says(page, 'Done.');
  });

  it('runs again after a reload in mid-run, without fetching the segment twice', async () => {
    await using server = await servePage(model);
    await using link = await CuttableLink.open('127.0.0.1', portOf(server));
    const { page, context, problems } = await browser.open(`http://127.0.0.1:${link.port}/`);
    const fetched: string[] = [];
    context.on('request', (request) => {
      if (request.url().includes('/v1/content/')) fetched.push(request.url());
    });
    await run(page);
    await says(page, 'Done.');
    expect(fetched.length).toBe(1);
    link.cut();
    await run(page);
    await says(page, 'Running ...');
    link.drop();
    await page.reload();
    await run(page);
    await says(page, 'Done.');
    expect(fetched.length).toBe(1);
    expect(problems.filter((problem) => !problem.includes('WebSocket'))).toEqual([]);
  });
});
