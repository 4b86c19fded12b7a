import { access, appendFile, constants, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { CutpointError, messageOf, systemReason } from '@cutpoint/core';

/**
 * Rows that were measured, one JSON value per line, written as soon as each is known, so that an interrupted sweep can
 * go on. The first line says what they belong to.
 */
export interface RowsFile<R> {
  /** Rows of an earlier, interrupted run, by key. */
  readonly known: ReadonlyMap<string, R>;
  add(key: string, row: R): Promise<void>;
}

/** Makes the folder of results before anything is measured. @throws CutpointError CUT_FILE_WRITE */
export async function prepareFolder(folder: string): Promise<void> {
  try {
    await makeFolder(resolve(folder));
    // Only a folder has something in it.
    await access(join(folder, '.'), constants.W_OK);
  } catch (cause) {
    const message = `The folder ${folder} cannot be written to: ${systemReason(cause)}.`;
    throw new CutpointError('CUT_FILE_WRITE', message, { cause });
  }
}

/** Not `recursive`: that never ends where the system refuses a folder as if its parent were missing, as under /proc. */
async function makeFolder(folder: string): Promise<void> {
  const parent = dirname(folder);
  if (parent !== folder && !(await exists(parent))) await makeFolder(parent);
  if (!(await exists(folder))) await mkdir(folder);
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

export interface RowsOptions<R> {
  /** Of the file: a folder may hold the rows of several models. */
  readonly name: string;
  /** What the sweep measures; rows of another one are not taken over. */
  readonly identity: string;
  readonly resume: boolean;
  /** Checks a row that was read. */
  readonly parse: (value: unknown) => R;
}

/**
 * Opens the rows of a sweep in a folder.
 * @throws CutpointError CUT_USAGE if `resume` is set and the rows there belong to another sweep or cannot be read.
 */
export async function openRows<R>(
  folder: string,
  { name, identity, resume, parse }: RowsOptions<R>,
): Promise<RowsFile<R>> {
  await prepareFolder(folder);
  const path = join(folder, `rows-${name.replace(/[^\w.-]/g, '_')}.jsonl`);
  const known = (resume ? await readRows(path, identity, parse) : undefined) ?? new Map<string, R>();
  const line = (value: unknown): string => `${JSON.stringify(value)}\n`;
  // Written anew, as the end of the last line may be missing.
  await writeFile(path, line({ identity }) + [...known].map(([key, row]) => line({ key, row })).join(''));
  return { known, add: (key, row) => appendFile(path, line({ key, row })) };
}

async function readRows<R>(
  path: string,
  identity: string,
  parse: (value: unknown) => R,
): Promise<Map<string, R> | undefined> {
  const text = await readFile(path, 'utf8').catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return undefined;
    throw thrown;
  });
  if (text === undefined) return undefined;
  // The last line may have been cut off by what interrupted the sweep; every whole one ends with a line feed.
  const [head, ...lines] = text.split('\n').slice(0, -1);
  if (head === undefined) return undefined;
  try {
    const begun: { identity?: unknown } = JSON.parse(head);
    if (begun.identity !== identity) throw new Error('they belong to another scenario, model or version');
    return new Map(lines.map((line) => entryOf(JSON.parse(line), parse)));
  } catch (cause) {
    const message = `The rows in ${path} cannot be continued: ${messageOf(cause).replace(/\.$/, '')}. Leave --resume out, or give another --out.`;
    throw new CutpointError('CUT_USAGE', message, { cause });
  }
}

function entryOf<R>(value: unknown, parse: (value: unknown) => R): [string, R] {
  if (typeof value !== 'object' || value === null || !('key' in value) || !('row' in value)) {
    throw new Error('a line is no row of results');
  }
  return [String(value.key), parse(value.row)];
}
