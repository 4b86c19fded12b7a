import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';

const module = new URL('../../dist/engine/collection-pace.js', import.meta.url);

/** In a thread of its own, whose heap is as small as a rank's: makes arrays of 2 MB that are kept for a moment, and counts. */
const script = `
const { constants, PerformanceObserver } = require('node:perf_hooks');
const { parentPort } = require('node:worker_threads');
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
// What a rank's program takes.
globalThis.ballast = Array.from({ length: 300_000 }, (_, i) => ({ i }));
let major = 0;
new PerformanceObserver((list) => {
  for (const { detail } of list.getEntries()) if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) major++;
}).observe({ entryTypes: ['gc'] });
async function collectionsOf(pace, tokens) {
  pace.begin(tokens);
  await sleep(50);
  const before = major;
  const held = [];
  for (let i = 0; i < 800; i++) {
    held[i % 8] = new Float32Array(524288).fill(1, 0, 16);
    if (i % 20 === 0) await sleep(1);
  }
  await sleep(50);
  return major - before;
}
import(${JSON.stringify(module.href)}).then(async ({ CollectionPace }) => {
  const pace = new CollectionPace();
  let [between, prompts] = [0, 0];
  for (let turn = 0; turn < 4; turn++) {
    between += await collectionsOf(pace, 1);
    prompts += await collectionsOf(pace, 512);
  }
  parentPort.postMessage({ between, prompts });
});
`;

interface Counts {
  readonly between: number;
  readonly prompts: number;
}

it('collects the whole heap less than half as often while prompts run as between them', async () => {
  const worker = new Worker(script, { eval: true, execArgv: [] });
  const [{ between, prompts }] = (await once(worker, 'message')) as [Counts];
  await worker.terminate();
  expect(between).toBeGreaterThan(8);
  expect(prompts).toBeLessThan(between / 2);
}, 60_000);
