import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Model, serialiseModel } from '@cutpoint/graph';

/** A folder with a model in it and a cache of its own, removed when disposed. */
export interface TemporaryModel extends AsyncDisposable {
  readonly folder: string;
  readonly path: string;
}

/** Saves a model for a test. The cache folder of the process is inside the same folder until it is disposed. */
export async function saveModel(model: Model): Promise<TemporaryModel> {
  const folder = await mkdtemp(join(tmpdir(), 'cutpoint-model-'));
  const path = join(folder, 'model.onnx');
  await writeFile(path, serialiseModel(model));
  const before = process.env.CUTPOINT_CACHE_DIR;
  process.env.CUTPOINT_CACHE_DIR = join(folder, 'cache');
  return {
    folder,
    path,
    async [Symbol.asyncDispose]() {
      if (before === undefined) delete process.env.CUTPOINT_CACHE_DIR;
      else process.env.CUTPOINT_CACHE_DIR = before;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
