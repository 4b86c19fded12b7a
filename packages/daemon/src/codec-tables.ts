import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import {
  isTableName,
  parseTransformTable,
  printTransformTable,
  type TransformTable,
  type TransformTables,
} from '@cutpoint/codec';
import { asCutpointError, CutpointError, systemReason } from '@cutpoint/core';

const ending = '.table';
const mostTables = 1000;
const mostBytes = 64_000_000;

/** The folder for the tables of a calibration: `model.calibration.tables` beside `model.calibration.json`. */
export function tablesFolderOf(calibrationPath: string): string {
  return `${calibrationPath.replace(/\.json$/i, '')}.tables`;
}

/** The folder for the tables of the cuts that a `segments.json` is cut at: `tables` beside it. */
export function shippedTablesOf(segmentsPath: string): string {
  return join(dirname(segmentsPath), 'tables');
}

/**
 * Reads tables of a model by their names: one file, or those of a folder that are of this model.
 * @throws CutpointError CUT_FILE_NOT_FOUND; CUT_CODEC_TABLE if a file was changed or renamed, or none is of this model.
 */
export async function openCodecTables(path: string, modelHash: string): Promise<TransformTables> {
  const files = await tableFiles(path);
  const tables = new Map<string, TransformTable>();
  for (const file of files) {
    const table = await readTable(file);
    if (table.modelHash === modelHash) tables.set(basename(file, ending), table);
  }
  if (tables.size > 0) return tables;
  const message = `No table of a codec in ${path} is of this model: calibrate it, with the same preprocessing, and give what that wrote.`;
  throw new CutpointError('CUT_CODEC_TABLE', message);
}

/** Reads the tables of a model, by its hash, from a file or folder as `openCodecTables` does; none without a path. */
export function codecTablesFrom(path: string | undefined): (modelHash: string) => Promise<TransformTables> {
  return async (modelHash) => (path === undefined ? new Map() : await openCodecTables(path, modelHash));
}

/**
 * Writes tables into a folder, each to a file of its name; those that lie there already stay.
 * @throws CutpointError CUT_FILE_WRITE
 */
export async function writeCodecTables(folder: string, tables: TransformTables): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    for (const [name, table] of tables) await writeFile(join(folder, name + ending), printTransformTable(table));
  } catch (cause) {
    throw asCutpointError(cause, 'CUT_FILE_WRITE', `The tables cannot be written to ${folder}`);
  }
}

async function tableFiles(path: string): Promise<string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    const names = (await readdir(path)).filter((name) => name.endsWith(ending)).sort();
    if (names.length <= mostTables) return names.map((name) => join(path, name));
  } catch (cause) {
    throw unreadable(path, cause);
  }
  throw new CutpointError('CUT_CODEC_TABLE', `${path} has more than ${mostTables} tables: keep those in use.`);
}

async function readTable(file: string): Promise<TransformTable> {
  const bytes = await readBounded(file);
  if (!isTableName(basename(file, ending), createHash('sha256').update(bytes).digest('hex'))) {
    const message = `${file} is not what its name says: copy the table again, under the name that \`cutpoint calibrate\` gave it.`;
    throw new CutpointError('CUT_CODEC_TABLE', message);
  }
  return parseTransformTable(bytes);
}

async function readBounded(file: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(file);
    if (size <= mostBytes) return await readFile(file);
  } catch (cause) {
    throw unreadable(file, cause);
  }
  throw new CutpointError('CUT_CODEC_TABLE', `${file} is larger than ${mostBytes / 1e6} MB, which no table is.`);
}

function unreadable(path: string, cause: unknown): CutpointError {
  const message = `The tables of codecs in ${path} cannot be read: ${systemReason(cause)}.`;
  return new CutpointError('CUT_FILE_NOT_FOUND', message, { cause });
}
