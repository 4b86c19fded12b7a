import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { greedySampling, importCheckpoint, openSplitLanguageModel, TextModel } from '@cutpoint/llm';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { wrenFolder, wrenIsHere } from '../../packages/llm/src/text/wren.testing.js';
import { type Device, describeInBrowser, type TestBrowser } from './chromium.testing.js';
import { type PageServer, servePage } from './page-server.testing.js';

const question = 'Once upon a time there was';
const codec = 'f16';
const at = 3;
const writtenMs = 60_000;

let folder = '';
let made = '';

beforeAll(async () => {
  if (!wrenIsHere) return;
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-chat-'));
  made = join(folder, 'wren');
  await importCheckpoint({ source: wrenFolder, folder: made, bits: 32, block: null });
});
afterAll(async () => {
  if (folder !== '') await rm(folder, { recursive: true });
});

/** What the same split says in Node. */
async function expectedText(server: PageServer, hides = false): Promise<string> {
  const url = await server.process.url();
  await using split = await openSplitLanguageModel(made, { at, servers: [{ url }], codec, private: hides });
  const model = new TextModel({ ...split, name: 'wren' });
  const prompt = model.encode(question);
  let text = '';
  for await (const part of model.complete({ prompt, sampling: greedySampling, stop: [], continues: true }))
    text += part.text;
  return text;
}

async function openModel(page: Page, { layers = at, hides = false, provider = 'auto' } = {}): Promise<void> {
  await page.getByLabel('Layers that run here').fill(String(layers));
  await page.getByLabel('How what crosses is packed').selectOption(codec);
  await page.getByLabel('They run on').selectOption(provider);
  await page.getByLabel('Keep the words here').setChecked(hides);
  await page.getByRole('button', { name: 'Open the model' }).click();
  await opened(page);
}

const opened = (page: Page) => page.locator('.chat .place', { hasText: 'run here on' }).waitFor({ timeout: writtenMs });
const answers = (page: Page) => page.locator('.transcript .assistant > p:not(.broken)');
const idle = (page: Page) => page.locator('.transcript:not([aria-busy=true])').waitFor({ timeout: writtenMs });

async function ask(page: Page): Promise<void> {
  await page.getByLabel('Your message').fill(question);
  await page.getByLabel('Your message').press('Enter');
  await answers(page).last().filter({ hasText: /\w/ }).waitFor({ timeout: writtenMs });
}

function describeChat(device: Device, shown: RegExp, more: (browser: TestBrowser) => void = () => undefined): void {
  describeInBrowser(
    `a chat in a page, ${device}${wrenIsHere ? '' : ' (../shared/models/lm is missing)'}`,
    device,
    (browser) => {
      it.skipIf(!wrenIsHere)('says what the same split says in Node, and where it runs', async () => {
        await using server = await servePage(made);
        const { page, problems } = await browser.open(server.url);
        await openModel(page);
        expect(await page.locator('.chat .place').textContent()).toMatch(shown);
        await ask(page);
        await idle(page);
        expect(await answers(page).textContent()).toBe(await expectedText(server));
        expect(await page.locator('.chat .figures').textContent()).toMatch(/tokens\/s, \d+ bytes up/);
        expect(problems).toEqual([]);
      });
      if (wrenIsHere) more(browser);
    },
  );
}

describeChat('no webgpu', /WebAssembly, \d threads?/);
describeChat('webgpu', /WebGPU/);
