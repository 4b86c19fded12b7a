import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openCutModel, readModelFile, writeSegments } from '@cutpoint/runtime';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeExternalModel } from './models/external.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-large-'));
  process.env.CUTPOINT_CACHE_DIR = join(folder, 'cache');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it('reads a model with 1 GB of external weights without its weights', async () => {
  const path = await writeExternalModel(folder, { layers: 64, width: 2048, sparseFile: true });
  expect((await stat(join(folder, 'weights.bin'))).size).toBeGreaterThan(1e9);
  const before = process.memoryUsage();
  const model = await readModelFile(path);
  const after = process.memoryUsage();
  expect(model.graph.nodes).toHaveLength(128);
  expect(after.rss - before.rss).toBeLessThan(32e6);
  expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(1e6);
});

it('writes to each segment only its own external weights', async () => {
  const path = await writeExternalModel(folder, { layers: 4, width: 64 });
  const model = await openCutModel(path);
  const out = join(folder, 'segments');
  const { segments } = await writeSegments(model, [4], out);
  expect(segments.map(({ file }) => file)).toEqual(['segment-0.onnx', 'segment-1.onnx']);
  for (const file of ['segment-0.onnx.data', 'segment-1.onnx.data']) {
    expect((await stat(join(out, file))).size).toBe(2 * 64 * 64 * 4);
  }
});
