import { link, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { TransformTables } from '@cutpoint/codec';
import type { ContentHash, ContentStore, Hold } from '@cutpoint/control';
import { CutpointError, systemReason } from '@cutpoint/core';
import { openCodecTables } from '@cutpoint/daemon';
import { type CutModel, openCutModel } from '@cutpoint/runtime';
import type { ModelFiles } from '../http/deployment-request.js';

/** A model that was sent, opened. Its files lie in a folder of their own until it is disposed. */
export interface SentModel extends AsyncDisposable {
  readonly model: CutModel;
  readonly tables: TransformTables;
}

export interface OpenSentOptions {
  readonly content: ContentStore;
  /** On the same file system as the store. */
  readonly scratch: string;
  readonly signal?: AbortSignal;
}

/**
 * Opens a model out of the store.
 * @throws CutpointError CUT_NOT_FOUND if a file was not sent, CUT_FILE_WRITE; what `openCutModel` and `openCodecTables` throw.
 */
export async function openSentModel(
  files: ModelFiles,
  { content, scratch, signal }: OpenSentOptions,
): Promise<SentModel> {
  const holds: Hold[] = [];
  const folder = await mkdtemp(join(scratch, 'model-'));
  const close = async () => {
    for (const hold of holds) hold[Symbol.dispose]();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    for (const { path, hash } of placesOf(files)) holds.push(await place(content, hash, join(folder, path)));
    const dims = new Map(Object.entries(files.dims ?? {}));
    // In a process of its own: it may not end, or take what runs it with it.
    const options = { dims, isolation: 'process', ...(signal && { signal }) } as const;
    const model = await openCutModel(join(folder, 'model', 'model.onnx'), options);
    const tables = files.tables?.length ? await openCodecTables(join(folder, 'tables'), model.file.hash) : new Map();
    return { model, tables, [Symbol.asyncDispose]: close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

function placesOf({
  hash,
  weights = [],
  preprocessing,
  tables = [],
}: ModelFiles): { path: string; hash: ContentHash }[] {
  return [
    { path: 'model/model.onnx', hash },
    ...weights.map(({ path, hash }) => ({ path: `model/${path}`, hash })),
    ...(preprocessing === undefined ? [] : [{ path: 'model/model.preprocessing.json', hash: preprocessing }]),
    ...tables.map(({ name, hash }) => ({ path: `tables/${name}.table`, hash })),
  ];
}

async function place(content: ContentStore, hash: ContentHash, path: string): Promise<Hold> {
  const hold = await content.hold(hash);
  if (hold === undefined) {
    throw new CutpointError(
      'CUT_NOT_FOUND',
      `The file ${hash} is not here: send it to /v1/files before it is deployed.`,
    );
  }
  try {
    await mkdir(dirname(path), { recursive: true });
    await link(hold.path, path);
    return hold;
  } catch (cause) {
    hold[Symbol.dispose]();
    const message = `The files of a model cannot be linked into ${dirname(path)}: ${systemReason(cause)}.`;
    throw new CutpointError('CUT_FILE_WRITE', message, { cause });
  }
}
