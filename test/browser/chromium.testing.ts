import { existsSync } from 'node:fs';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, it } from 'vitest';

/** Debian's package; its software driver makes WebGPU work without a GPU. */
const executablePath = '/usr/bin/chromium';
const softwareDriver = '/usr/lib/chromium/vk_swiftshader_icd.json';
const why = `${executablePath} is not there: apt-get install chromium`;

/** How the browser computes: WebAssembly alone, or with a GPU that is a program. */
export type Device = 'webgpu' | 'no webgpu';

const flags: Readonly<Record<Device, readonly string[]>> = {
  'no webgpu': ['--disable-gpu'],
  webgpu: ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--enable-features=Vulkan'],
};

/** A browser of a group of tests, started before the first of them. */
export interface TestBrowser {
  /** A tab of a user of its own. What the page throws, or logs as an error, is in `problems`. */
  open(url: string): Promise<OpenedPage>;
}

export interface OpenedPage {
  readonly page: Page;
  readonly problems: readonly string[];
  readonly context: BrowserContext;
}

/** Tests in a real browser; where there is none they are skipped, and it is said why. */
export function describeInBrowser(name: string, device: Device, tests: (browser: TestBrowser) => void): void {
  if (!existsSync(executablePath)) {
    process.stderr.write(`Skipped: ${name}. ${why}\n`);
    describe(name, () => it.skip(`in a browser: ${why}`, () => undefined));
    return;
  }
  describe(name, () => {
    let browser: Browser;
    beforeAll(async () => {
      const args = ['--no-sandbox', ...flags[device]];
      const env = { ...process.env, VK_DRIVER_FILES: softwareDriver, VK_ICD_FILENAMES: softwareDriver };
      browser = await chromium.launch({ executablePath, args, env, timeout: 60_000 });
    });
    afterAll(async () => await browser?.close());
    tests({ open: async (url) => await openPage(browser, url) });
  });
}

async function openPage(browser: Browser, url: string): Promise<OpenedPage> {
  // A fleet has an authority of its own, which no browser knows.
  const context = await browser.newContext({ viewport: { width: 360, height: 740 }, ignoreHTTPSErrors: true });
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (line) => {
    if (line.type() === 'error') problems.push(line.text());
  });
  await page.goto(url, { timeout: 30_000 });
  return { page, problems, context };
}
