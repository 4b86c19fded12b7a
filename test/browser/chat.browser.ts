import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { greedySampling, importCheckpoint, openSplitLanguageModel, TextModel } from '@cutpoint/llm';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { wrenFolder, wrenIsHere } from '../../packages/llm/src/text/wren.testing.js';
import { CuttableLink } from '../cuttable-link.testing.js';
import { type Device, describeInBrowser, type TestBrowser } from './chromium.testing.js';
import { type PageServer, servePage } from './page-server.testing.js';

const question = 'Once upon a time there was';
const codec = 'f16';
const at = 3;
const writtenMs = 60_000;
const missing = wrenIsHere ? '' : ' (../shared/models/lm is missing)';

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
async function textInNode(server: PageServer, hides = false): Promise<string> {
  const url = await server.process.url();
  await using split = await openSplitLanguageModel(made, { at, servers: [{ url }], codec, private: hides });
  const model = new TextModel({ ...split, name: 'wren' });
  const prompt = model.encode(question);
  const parts = model.complete({ prompt, sampling: greedySampling, stop: [], continues: true });
  let text = '';
  for await (const part of parts) text += part.text;
  return text;
}

const place = (page: Page) => page.locator('.chat .place');
const opened = (page: Page) => place(page).filter({ hasText: 'run here on' }).waitFor({ timeout: writtenMs });
const answers = (page: Page) => page.locator('.transcript .assistant > p:not(.broken)');
const broken = (page: Page) => page.locator('.transcript .broken');

interface Opening {
  readonly hides?: boolean;
  readonly provider?: string;
}

async function openModel(page: Page, { hides = false, provider = 'auto' }: Opening = {}): Promise<void> {
  const layers = page.getByLabel('Layers that run here');
  // A server with one cut leaves no choice.
  if (await layers.isEditable()) await layers.fill(String(at));
  expect(await layers.inputValue()).toBe(String(at));
  await page.getByLabel('How what crosses is packed').selectOption(codec);
  await page.getByLabel('They run on').selectOption(provider);
  await page.getByLabel('Keep the words here').setChecked(hides);
  await page.getByRole('button', { name: 'Open the model' }).click();
  await opened(page);
}

/** Asks by the keyboard, until the first words are there. */
async function ask(page: Page): Promise<void> {
  await page.getByLabel('Your message').fill(question);
  await page.getByLabel('Your message').press('Enter');
  await answers(page).last().filter({ hasText: /\w/ }).waitFor({ timeout: writtenMs });
}

/** The last answer once it is whole. */
async function wholeAnswer(page: Page): Promise<string | null> {
  await page.locator('.transcript[aria-busy=false]').waitFor({ timeout: writtenMs });
  return await answers(page).last().textContent();
}

function describeChat(device: Device, tests: (browser: TestBrowser) => void): void {
  describeInBrowser(`a chat in a page, ${device}${missing}`, device, (browser) => {
    if (wrenIsHere) tests(browser);
    else it.skip('needs a language model', () => undefined);
  });
}

describeChat('no webgpu', (browser) => {
  it('says what the same split says in Node, on WebAssembly, and what a token costs', async () => {
    await using server = await servePage(made);
    const { page, problems } = await browser.open(server.url);
    await openModel(page);
    expect(await place(page).textContent()).toMatch(
      /3 of 8 layers run here on WebAssembly, \d threads?; f16 crosses\. This browser has no WebGPU for this page: WebAssembly is used\.$/,
    );
    await ask(page);
    expect(await wholeAnswer(page)).toBe(await textInNode(server));
    expect(await page.locator('.chat .figures').textContent()).toMatch(
      /tokens\/s, 5\d\d bytes up and \d+ down a token/,
    );
    expect(problems).toEqual([]);
  });

  it('keeps words and answer from the server, says the same, and says so', async () => {
    await using server = await servePage(made);
    const { page } = await browser.open(server.url);
    await openModel(page, { hides: true, provider: 'wasm' });
    expect(await place(page).textContent()).toContain('the server sees no words');
    await ask(page);
    expect(await wholeAnswer(page)).toBe(await textInNode(server, true));
  });

  it('goes on with its text when connections are lost in the middle of it', async () => {
    await using server = await servePage(made);
    const { hostname, port } = new URL(server.url);
    await using link = await CuttableLink.open(hostname, Number(port));
    const { page } = await browser.open(`http://${hostname}:${link.port}/`);
    await openModel(page);
    await ask(page);
    const before = String(await answers(page).textContent());
    link.drop();
    const whole = await textInNode(server);
    expect(before.length).toBeLessThan(whole.length / 2);
    expect(await wholeAnswer(page)).toBe(whole);
  });

  it('keeps what stops it on the screen of a phone while it writes, in the width of the screen', async () => {
    await using server = await servePage(made);
    const { page } = await browser.open(server.url);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
    await openModel(page);
    await ask(page);
    // As much as a keyboard leaves of it.
    await page.setViewportSize({ width: 360, height: 440 });
    await page.evaluate('scrollTo(0, 0)');
    const stop = await page.getByRole('button', { name: 'Stop' }).boundingBox();
    expect(stop).not.toBeNull();
    expect((stop?.y ?? 0) + (stop?.height ?? 0)).toBeLessThanOrEqual(440);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
    await page.getByRole('button', { name: 'Stop' }).click();
    await broken(page).filter({ hasText: 'Stopped.' }).waitFor();
  });

  it('stops when it is told to, and can be asked again', async () => {
    await using server = await servePage(made);
    const { page } = await browser.open(server.url);
    await openModel(page);
    await ask(page);
    await page.keyboard.press('Escape');
    await broken(page).filter({ hasText: 'Stopped.' }).waitFor();
    const [whole, stopped] = [await textInNode(server), await wholeAnswer(page)];
    expect(whole.startsWith(String(stopped))).toBe(true);
    expect(String(stopped).length).toBeLessThan(whole.length);
    await ask(page);
    await page.getByRole('button', { name: 'Stop' }).click();
    await broken(page).nth(1).waitFor();
  });

  it('has its conversation and its model again after a reload in the middle of an answer, and fetches nothing twice', async () => {
    await using server = await servePage(made);
    const { page, context } = await browser.open(server.url);
    const fetched: string[] = [];
    context.on('request', (request) => {
      if (request.url().includes('/v1/content/')) fetched.push(request.url());
    });
    await openModel(page);
    expect(fetched.length).toBeGreaterThan(at);
    fetched.length = 0;
    await ask(page);
    await page.reload();
    await broken(page).filter({ hasText: 'The page was left' }).waitFor();
    expect(await page.locator('.transcript .user > p').textContent()).toBe(question);
    const before = String(await answers(page).textContent());
    expect((await textInNode(server)).startsWith(before)).toBe(true);
    await opened(page);
    expect(fetched).toEqual([]);
    await page.getByRole('button', { name: 'New conversation' }).click();
    await ask(page);
    expect(await wholeAnswer(page)).toBe(await textInNode(server));
  });

  it('fetches the files of the model by the token of its link, and shows why it cannot do without', async () => {
    const tokenFile = join(folder, 'token');
    const token = 'a-token-of-a-chat-that-is-long-enough';
    await writeFile(tokenFile, token, { mode: 0o600 });
    await using server = await servePage(made, '--token-file', tokenFile, '--at', String(at));
    const { page } = await browser.open(`${server.url}#token=${encodeURIComponent(token)}`);
    await openModel(page, { provider: 'wasm' });
    const { status } = await fetch(`${server.url}v1/content/${'0'.repeat(64)}`);
    expect(status).toBe(401);
    await page.getByText('What runs here').click();
    await page.getByLabel('They run on').selectOption('webgpu');
    await page.getByRole('button', { name: 'Open the model' }).click();
    await place(page)
      .filter({ hasText: /^This browser has no WebGPU .*CUT_GPU_MISSING/ })
      .waitFor();
  });
});

describeChat('webgpu', (browser) => {
  it('says what the same split says in Node, on WebGPU, also when connections are lost', async () => {
    await using server = await servePage(made);
    const { hostname, port } = new URL(server.url);
    await using link = await CuttableLink.open(hostname, Number(port));
    const { page, problems } = await browser.open(`http://${hostname}:${link.port}/`);
    await openModel(page);
    expect(await place(page).textContent()).toContain('run here on WebGPU;');
    expect(problems).toEqual([]);
    await ask(page);
    const before = String(await answers(page).textContent());
    link.drop();
    const whole = await textInNode(server);
    expect(before.length).toBeLessThan(whole.length / 2);
    expect(await wholeAnswer(page)).toBe(whole);
  });
});
