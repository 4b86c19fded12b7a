import { createReadStream } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { asCutpointError, CutpointError, isErrorCode } from '@cutpoint/core';
import { type ContentHash, contentHash } from '../ids.js';
import { byteRangeOf } from './byte-range.js';
import type { ContentStore, Hold } from './store.js';

/** Where content is found: this, followed by its hash. */
export const contentPath = '/v1/content/';

export interface ContentHandlerOptions {
  readonly store: ContentStore;
  /** Whether this caller may have that file. Default: whoever reaches the handler may. */
  readonly mayRead?: (request: IncomingMessage, hash: ContentHash) => boolean;
  /** Transfers at the same time; more get 503. Default 64. */
  readonly maxTransfers?: number;
  /** A reader that takes nothing for so long is cut off. Default 60 s. */
  readonly idleMs?: number;
  /** Hears of requests for what no hash names, and of callers that may not have what they ask for. Must not throw. */
  readonly onRefused?: (error: CutpointError, request: IncomingMessage) => void;
  /** Hears of transfers that failed on this side, for the log. Must not throw. */
  readonly onError?: (error: CutpointError, hash: ContentHash) => void;
}

/** Answers one request; any server of `node:http` or `node:https` can host it. */
export type ContentHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/**
 * Serves `GET` and `HEAD` of `/v1/content/HASH`: single ranges, a strong entity tag (the hash), no encodings. What a
 * hash names never changes, so it may be cached for ever.
 */
export function contentHandler(options: ContentHandlerOptions): ContentHandler {
  const { store, mayRead = () => true, maxTransfers = 64, onRefused = () => undefined } = options;
  let transfers = 0;
  return async (request, response) => {
    const { method } = request;
    if (method !== 'GET' && method !== 'HEAD') {
      refuse(response, 405, 'Content can be read with GET and HEAD.', { allow: 'GET, HEAD' });
      return;
    }
    const { url = '' } = request;
    const hash = hashIn(url);
    if (hash === undefined) {
      onRefused(new CutpointError('CUT_HTTP', `Somebody asked for ${brief(url)}, which is no content.`), request);
      return refuse(response, 404, 'Content is named by the 64 hexadecimal digits of its SHA-256.');
    }
    if (!mayRead(request, hash)) {
      onRefused(new CutpointError('CUT_FORBIDDEN', `Somebody asked for ${hash}, and may not have it.`), request);
      return refuse(response, 403, 'This content is not for this caller.');
    }
    if (transfers >= maxTransfers) {
      refuse(response, 503, 'Too many transfers are under way.', { 'retry-after': '1' });
      return;
    }
    transfers += 1;
    try {
      using hold = await store.hold(hash);
      if (hold === undefined) return refuse(response, 404, 'There is no such content here.');
      await send(request, response, hold, options);
    } catch (thrown) {
      response.destroy();
      if (!isClosedByReader(thrown)) options.onError?.(asCutpointError(thrown, 'CUT_INTERNAL'), hash);
    } finally {
      transfers -= 1;
    }
  };
}

/** What strangers ask for is not repeated at length. */
function brief(url: string): string {
  return url.length <= 100 ? url : `${url.slice(0, 100)}...`;
}

function hashIn(url: string): ContentHash | undefined {
  const [path = ''] = url.split('?', 1);
  return path.startsWith(contentPath) ? contentHash.safeParse(path.slice(contentPath.length)).data : undefined;
}

async function send(
  { method, headers }: IncomingMessage,
  response: ServerResponse,
  { hash, bytes, path }: Hold,
  { idleMs = 60_000 }: ContentHandlerOptions,
): Promise<void> {
  const tag = `"${hash}"`;
  const common = { 'accept-ranges': 'bytes', etag: tag, 'cache-control': 'private, max-age=31536000, immutable' };
  if (headers['if-none-match'] === tag) {
    response.writeHead(304, common).end();
    return;
  }
  const range = (headers['if-range'] ?? tag) === tag ? byteRangeOf(headers.range, bytes) : undefined;
  if (range === 'unsatisfiable') {
    refuse(response, 416, 'The range lies behind the end.', { ...common, 'content-range': `bytes */${bytes}` });
    return;
  }
  const { start, end } = range ?? { start: 0, end: bytes - 1 };
  const part = range === undefined ? {} : { 'content-range': `bytes ${start}-${end}/${bytes}` };
  response.writeHead(range === undefined ? 200 : 206, {
    ...common,
    ...part,
    'content-type': 'application/octet-stream',
    'content-length': end - start + 1,
    'x-content-type-options': 'nosniff',
  });
  if (method === 'HEAD' || end < start) {
    response.end();
    return;
  }
  response.setTimeout(idleMs, () => response.destroy());
  await pipeline(createReadStream(path, { start, end }), response);
}

function refuse(response: ServerResponse, status: number, message: string, headers: Record<string, string> = {}): void {
  const body = `${JSON.stringify({ error: message })}\n`;
  response
    .writeHead(status, { ...headers, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
    .end(body);
}

/** Readers come and go; that is no fault of this side. */
function isClosedByReader(thrown: unknown): boolean {
  const code = (thrown as NodeJS.ErrnoException | undefined)?.code;
  return !isErrorCode(code) && ['ERR_STREAM_PREMATURE_CLOSE', 'ECONNRESET', 'EPIPE'].includes(code ?? '');
}
