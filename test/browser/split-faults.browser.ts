import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { classifier } from '../models.testing.js';
import { describeInBrowser } from './chromium.testing.js';
import { servePage } from './page-server.testing.js';

const answeredMs = 60_000;
const dims = [1, 48, 192].flatMap((size, i) => ['--dim', `p2o.DynamicDimension.${i}=${size}`]);
const button = async (page: Page, name: 'Run' | 'Stop') => await page.getByRole('button', { name }).click();
const says = async (page: Page, text: string | RegExp) =>
  await page.locator('.split .status').filter({ hasText: text }).waitFor({ timeout: answeredMs });

async function runWell(page: Page): Promise<void> {
  await button(page, 'Run');
  await says(page, /^Done|CUT_/);
  expect(await page.locator('.split .status').innerText()).toBe('Done.');
}

/** What the worker does with the next message. */
async function workerDoes(page: Page, what: string): Promise<void> {
  const [worker] = page.workers();
  if (worker === undefined) throw new Error('The page has no worker.');
  await worker.evaluate(`self.onmessage = () => { ${what} }`);
}

describeInBrowser('a front segment that fails or hangs in the page', 'no webgpu', (browser) => {
  it('says that its worker died, and runs in another', async () => {
    await using server = await servePage(classifier, ...dims);
    const { page } = await browser.open(server.url);
    await runWell(page);
    await workerDoes(page, 'throw new Error("broken")');
    await button(page, 'Run');
    await says(page, /broken.*CUT_WORKER_DIED/);
    await runWell(page);
  });

  it('is stopped where a run never ends, and runs again', async () => {
    await using server = await servePage(classifier, ...dims);
    const { page } = await browser.open(server.url);
    await runWell(page);
    await workerDoes(page, 'for (;;);');
    await button(page, 'Run');
    await says(page, 'Running ...');
    await button(page, 'Stop');
    await says(page, /Stopped.*CUT_CANCELLED/);
    await runWell(page);
  });

  it('says that it is opened, is stopped where that never ends, and runs after it', async () => {
    await using server = await servePage(classifier, ...dims);
    const { page, context } = await browser.open(server.url);
    await context.route('**/front-worker*', () => new Promise(() => undefined));
    await button(page, 'Run');
    await says(page, 'Opening the front segment ...');
    await button(page, 'Stop');
    await says(page, /Stopped.*CUT_CANCELLED/);
    await context.unroute('**/front-worker*');
    await runWell(page);
  });

  it('is ended by a deadline that nobody waited for at the button, and runs again', async () => {
    await using server = await servePage(classifier, ...dims);
    const { page } = await browser.open(server.url);
    await page.clock.install();
    await runWell(page);
    await workerDoes(page, '');
    await button(page, 'Run');
    await says(page, 'Running ...');
    await page.clock.fastForward(5 * 60_000);
    await says(page, /did not end within 5 minutes.*CUT_DEADLINE/);
    await runWell(page);
  });
});

describeInBrowser('a GPU that a page loses', 'webgpu', (browser) => {
  const note = (page: Page) => page.locator('.choices .note');

  it('is opened anew, and the run is made there', async () => {
    await using server = await servePage(classifier, ...dims);
    const { page, context } = await browser.open(server.url);
    await page.getByLabel('Runs on').selectOption('webgpu');
    await runWell(page);
    const session = await context.browser()?.newBrowserCDPSession();
    // The browser ends the process of its GPU, as a driver that crashes does.
    await session?.send('Browser.crashGpuProcess' as never);
    await runWell(page);
    expect(await note(page).innerText()).toMatch(/The GPU was lost/);
    await runWell(page);
  });

  it('is done without when it is lost again, and the page says so', async () => {
    await using server = await servePage(classifier, ...dims);
    const { page } = await browser.open(server.url);
    const lose = `{
      const { createCommandEncoder } = GPUDevice.prototype;
      GPUDevice.prototype.createCommandEncoder = function (...given) {
        this.destroy();
        return createCommandEncoder.apply(this, given);
      };
    }`;
    page.on('worker', (worker) => void worker.evaluate(lose));
    await page.getByLabel('Runs on').selectOption('webgpu');
    await runWell(page);
    expect(await note(page).innerText()).toBe('The GPU was lost twice: WebAssembly is used.');
    expect(await page.getByLabel('Runs on').inputValue()).toBe('wasm');
    await runWell(page);
  });
});
