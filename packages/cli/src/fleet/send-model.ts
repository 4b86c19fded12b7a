import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { tableNamed } from '@cutpoint/codec';
import { type DeploymentId, deploymentId } from '@cutpoint/control/client';
import { CutpointError } from '@cutpoint/core';
import { preprocessingBeside, readModelFile } from '@cutpoint/runtime';
import type { Ladder } from '@cutpoint/server';
import type { ModelFiles } from '@cutpoint/server/client';
import { openProgress, type Progress } from '../output/progress.js';
import { formatBytes } from '../output/units.js';
import { sendFile } from './send-files.js';
import type { ServerApi } from './server-api.js';

export interface SendOptions {
  readonly preprocessing?: string;
  readonly dim?: ReadonlyMap<string, number>;
  readonly codecTables?: string;
}

/**
 * Reads the model, so that what is wrong with it is said before anything is sent, and sends what the server lacks.
 * @throws CutpointError what `readModelFile` and `sendFile` throw, CUT_CODEC_TABLE, CUT_USAGE for a language model.
 */
export async function sendModel(
  api: ServerApi,
  path: string,
  ladders: readonly Ladder[],
  { preprocessing, dim = new Map(), codecTables }: SendOptions,
): Promise<{ model: ModelFiles; sentBytes: number }> {
  await requireNoLanguageModel(path);
  const file = await readModelFile(path, preprocessing);
  using progress = openProgress();
  let sentBytes = 0;
  const send = async (one: string, shown: Progress = progress) => {
    const sent = await sendFile(api, one, shown);
    sentBytes += sent.sentBytes;
    return sent.hash;
  };
  const hash = await send(file.path);
  const weights = [];
  for (const place of file.externalFiles) weights.push({ path: place, hash: await send(join(file.folder, place)) });
  const declared = preprocessing ?? preprocessingBeside(file.path);
  const tables = [];
  for (const table of tablesOf(ladders, codecTables)) tables.push({ name: table.name, hash: await send(table.path) });
  const model: ModelFiles = {
    name: basename(path).replace(/\.onnx$/i, ''),
    hash,
    ...(weights.length > 0 && { weights }),
    ...(file.preprocessing !== undefined && { preprocessing: await send(declared) }),
    ...(dim.size > 0 && { dims: Object.fromEntries(dim) }),
    ...(tables.length > 0 && { tables }),
  };
  if (sentBytes > 0) process.stderr.write(`sent ${formatBytes(sentBytes)} to ${api.url}\n`);
  return { model, sentBytes };
}

/** The tables that codecs of the ladders need. */
function tablesOf(ladders: readonly Ladder[], path: string | undefined): { name: string; path: string }[] {
  const codecs = ladders.flatMap(({ ladder }) => ladder.flatMap((rung) => rung.codecs));
  const names = [...new Set(codecs.flatMap((codec) => tableNamed(codec) ?? []))];
  if (names.length > 0 && path === undefined) {
    const message = `The codecs need the tables ${names.join(', ')}: give the folder that \`cutpoint calibrate\` wrote with --codec-tables.`;
    throw new CutpointError('CUT_CODEC_TABLE', message);
  }
  const folder = path ?? '';
  return names.map((name) => ({
    name,
    path: folder.endsWith(`${name}.table`) ? folder : join(folder, `${name}.table`),
  }));
}

/** What a deployment of a model is called unless somebody says otherwise. */
export function nameOf(path: string): DeploymentId {
  const text = basename(path)
    .toLowerCase()
    .replace(/\.onnx$/, '')
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 63)
    .replace(/^-+|-+$/g, '');
  return deploymentId.parse(text === '' ? 'model' : text);
}

async function requireNoLanguageModel(path: string): Promise<void> {
  const about = await stat(path).catch(() => undefined); // what cannot be read is told of where it is read
  if (about?.isDirectory() !== true) return;
  const message = `${path} is a folder: an ONNX file is deployed. A package of a language model is not: run it with cutpoint serve, split with cutpoint serve and cutpoint agent, or on several agents with cutpoint cluster.`;
  throw new CutpointError('CUT_USAGE', message);
}
