import { randomUUID } from 'node:crypto';
import { copyFile, link, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Model, serialiseModel } from '@cutpoint/graph';
import type { SegmentSource } from '../segment/segment.js';
import type { ModelFile } from './model-file.js';

/** A model in the form that the runtime loads, and the clean-up of what that took. */
export interface Runnable extends AsyncDisposable {
  readonly source: SegmentSource;
}

/**
 * Makes a model that was derived from a file (a segment, or the model with other outputs) loadable. With inline weights
 * that is its bytes. With external weights the runtime insists on a file in the folder of the weights: one is written
 * there and removed on disposal; where the folder is read-only, a temporary folder gets links to (or copies of) the weights.
 */
export async function makeRunnable(model: Model, origin: ModelFile): Promise<Runnable> {
  const bytes = serialiseModel(model);
  if (origin.externalFiles.length === 0) {
    return { source: { kind: 'bytes', model: bytes }, [Symbol.asyncDispose]: async () => {} };
  }
  try {
    return await besideTheWeights(bytes, origin.folder);
  } catch (cause) {
    if (!isReadOnly(cause)) throw cause;
    return await inTemporaryFolder(bytes, origin);
  }
}

async function besideTheWeights(bytes: Uint8Array, folder: string): Promise<Runnable> {
  const path = join(folder, `.cutpoint-${randomUUID()}.onnx`);
  await writeFile(path, bytes);
  return { source: { kind: 'file', path }, [Symbol.asyncDispose]: () => rm(path, { force: true }) };
}

function isReadOnly(cause: unknown): boolean {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return code === 'EACCES' || code === 'EPERM' || code === 'EROFS';
}

async function inTemporaryFolder(bytes: Uint8Array, origin: ModelFile): Promise<Runnable> {
  const folder = await mkdtemp(join(tmpdir(), 'cutpoint-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    for (const location of origin.externalFiles)
      await linkOrCopy(join(origin.folder, location), join(folder, location));
    const path = join(folder, 'segment.onnx');
    await writeFile(path, bytes);
    return { source: { kind: 'file', path }, [Symbol.asyncDispose]: remove };
  } catch (cause) {
    await remove();
    throw cause;
  }
}

/** The runtime follows no symbolic link out of a model's folder, so a hard link, or a copy across file systems. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  try {
    await link(from, to);
  } catch {
    await copyFile(from, to);
  }
}
