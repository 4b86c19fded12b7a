import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { CutpointError } from '@cutpoint/core';

/** A file that browsers get. */
export interface PageFile {
  readonly type: string;
  /** Its name holds a hash or a version: what it says never changes. */
  readonly fixed: boolean;
  /** Strong entity tag, with its quotes. */
  readonly tag: string;
  readonly bytes: Uint8Array;
  readonly gzipped: Uint8Array;
}

/** A folder whose files browsers get, read when one is first asked for. */
export interface FolderOfFiles {
  /** By name; undefined if there is none. */
  read(name: string): Promise<PageFile | undefined>;
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.wasm': 'application/wasm',
};
/** Longer files than this are none of ours. */
const mostBytes = 64 * 1024 ** 2;
const compressed = promisify(gzip);

/**
 * The files of a folder that a page consists of, and nothing else that lies there. They are kept in memory, once plain and once
 * compressed, as those of a runtime are large and come a third as long over a slow link.
 * @param fixed whether a name stands for one content for ever
 * @throws CutpointError CUT_FILE_NOT_FOUND if the folder cannot be read
 */
export async function folderOfFiles(
  folder: URL,
  { fixed, wanted = () => true }: { fixed: (name: string) => boolean; wanted?: (name: string) => boolean },
): Promise<FolderOfFiles> {
  const root = fileURLToPath(folder);
  if (!existsSync(root)) {
    const message = `${root} is not there: build the page with \`npm run build\`.`;
    throw new CutpointError('CUT_FILE_NOT_FOUND', message);
  }
  const names = new Set(
    (await readdir(root)).filter((name) => types[path.extname(name)] !== undefined && wanted(name)),
  );
  const read = new Map<string, Promise<PageFile>>();
  return {
    async read(name) {
      if (!names.has(name)) return undefined;
      const known = read.get(name) ?? readOne(path.join(root, name), fixed(name));
      read.set(name, known);
      known.catch(() => read.delete(name));
      return await known;
    },
  };
}

async function readOne(file: string, fixed: boolean): Promise<PageFile> {
  const { size } = await stat(file);
  if (size > mostBytes) throw new CutpointError('CUT_INTERNAL', `${file} has ${size} bytes: too many for a page.`);
  const bytes = await readFile(file);
  const tag = `"${createHash('sha256').update(bytes).digest('hex').slice(0, 32)}"`;
  const type = types[path.extname(file)] ?? 'application/octet-stream';
  return { type, fixed, tag, bytes, gzipped: await compressed(bytes) };
}
