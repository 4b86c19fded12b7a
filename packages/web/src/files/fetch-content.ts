import { CutpointError } from '@cutpoint/core';
import { fetchFile } from './fetch-file.js';
import { type KeptFiles, keepOnly } from './kept-files.js';
import { memoryFiles } from './memory-files.js';
import { openFiles } from './open-files.js';

/** A file that the server names by the SHA-256 of its content. */
export interface ContentName {
  readonly hash: string;
  readonly bytes: number;
}

export interface FetchContentOptions {
  readonly token: string | undefined;
  readonly signal: AbortSignal;
  /** Hears how many bytes are there; all at once if the browser had kept the file. */
  readonly onBytes?: (bytes: number) => void;
}

const contentPath = '/v1/content/';
/** Larger files do not fit into a page. */
const mostBytes = 2 ** 31 - 1;

/**
 * A segment of the server, in memory: from what the browser has kept, if it was fetched before.
 * @throws CutpointError CUT_CONTENT if it is too large for a page, and as `fetchFile`
 */
export async function fetchContent(name: ContentName, options: FetchContentOptions): Promise<ArrayBuffer> {
  let isFull = false;
  using files = await openFiles('cutpoint-segments', () => {
    isFull = true;
  });
  const content = await fetchInto(files, name, options);
  // What was used once makes room for what is used from now on.
  if (isFull) await keepOnly(files, []);
  return content;
}

/** The same for what is needed once: the browser does not keep it. @throws CutpointError as `fetchContent` */
export async function fetchUnkept(name: ContentName, options: FetchContentOptions): Promise<ArrayBuffer> {
  using files = memoryFiles();
  return await fetchInto(files, name, options);
}

async function fetchInto(
  files: KeptFiles,
  { hash, bytes }: ContentName,
  { token, signal, onBytes }: FetchContentOptions,
): Promise<ArrayBuffer> {
  if (bytes > mostBytes) {
    throw new CutpointError('CUT_CONTENT', `A file of ${bytes} bytes is more than a page can hold; cut earlier.`);
  }
  let there = 0;
  const count = (more: number) => {
    there += more;
    onBytes?.(there);
  };
  const blob = await fetchFile({ sha256: hash, bytes }, { url: contentPath, token, files, onBytes: count, signal });
  return await blob.arrayBuffer();
}
