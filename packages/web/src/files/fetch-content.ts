import { asCutpointError, CutpointError } from '@cutpoint/core';
import { readInto } from './read-body.js';

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
const cacheName = 'cutpoint-content';
/** After how many connections that brought nothing it is given up. */
const mostFailures = 4;
const firstBackoffMs = 250;
/** Larger files do not fit into a page. */
const mostBytes = 2 ** 31 - 1;

/**
 * A file of the server, from the browser's cache where it was fetched before. A connection that breaks is resumed where it broke.
 * Where the page is not in a secure context there are neither a cache nor hashes: only the length is checked.
 * @throws CutpointError CUT_CONTENT if it is not what its hash says, CUT_UNREACHABLE, CUT_UNAUTHORISED, CUT_CANCELLED
 */
export async function fetchContent(name: ContentName, options: FetchContentOptions): Promise<ArrayBuffer> {
  if (name.bytes > mostBytes) {
    throw new CutpointError('CUT_CONTENT', `A file of ${name.bytes} bytes is more than a page can hold; cut earlier.`);
  }
  const url = `${contentPath}${name.hash}`;
  const cache = isSecureContext ? await caches.open(cacheName) : undefined;
  const kept = await (await cache?.match(url))?.arrayBuffer();
  if (kept !== undefined && (await isWhole(kept, name))) {
    options.onBytes?.(kept.byteLength);
    return kept;
  }
  const fetched = await download(url, name, options);
  if (!(await isWhole(fetched, name))) {
    throw new CutpointError('CUT_CONTENT', `What the server sent is not the file ${name.hash}; reload the page.`);
  }
  // A full disk is no reason not to go on: the file is here.
  await cache?.put(url, new Response(fetched.slice())).catch(() => undefined);
  return fetched.buffer;
}

async function isWhole(
  bytes: ArrayBuffer | Uint8Array<ArrayBuffer>,
  { hash, bytes: length }: ContentName,
): Promise<boolean> {
  if (bytes.byteLength !== length) return false;
  if (!isSecureContext) return true;
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('') === hash;
}

async function download(url: string, { hash, bytes }: ContentName, options: FetchContentOptions) {
  const whole = new Uint8Array(bytes);
  let [at, failures, backoffMs] = [0, 0, firstBackoffMs];
  while (at < bytes) {
    const before = at;
    try {
      const answer = await ask(url, hash, at, options);
      if (at > 0 && answer.status !== 206) at = 0;
      at = await readInto(answer, whole, at, options.onBytes);
    } catch (thrown) {
      if (options.signal.aborted)
        throw new CutpointError('CUT_CANCELLED', 'The download was cancelled.', { cause: thrown });
      const error = asCutpointError(thrown, 'CUT_UNREACHABLE', 'The download broke off');
      if (error.code !== 'CUT_UNREACHABLE') throw error;
      failures = at > before ? 0 : failures + 1;
      if (failures >= mostFailures) throw error;
      await new Promise((resolve) => setTimeout(resolve, backoffMs));
      backoffMs *= 2;
    }
  }
  return whole;
}

async function ask(url: string, hash: string, from: number, { token, signal }: FetchContentOptions): Promise<Response> {
  const headers = new Headers();
  if (token !== undefined) headers.set('authorization', `Bearer ${token}`);
  if (from > 0) {
    headers.set('range', `bytes=${from}-`);
    headers.set('if-range', `"${hash}"`);
  }
  const answer = await fetch(url, { headers, signal, cache: 'no-store' });
  if (answer.ok) return answer;
  const text = `The server answers ${answer.status} when asked for the file ${hash.slice(0, 16)}.`;
  if (answer.status === 401 || answer.status === 403) throw new CutpointError('CUT_UNAUTHORISED', text);
  if (answer.status >= 500 || answer.status === 429) throw new CutpointError('CUT_UNREACHABLE', text);
  throw new CutpointError('CUT_CONTENT', `${text} It may serve another model now: reload the page.`);
}
