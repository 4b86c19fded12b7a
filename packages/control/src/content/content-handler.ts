import { createReadStream } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { asCutpointError, CutpointError, type ErrorCode, isErrorCode } from '@cutpoint/core';
import { type ContentHash, contentHash } from '../ids.js';
import { networkOf } from '../network-of.js';
import { Shares } from '../shares.js';
import { byteRangeOf } from './byte-range.js';
import type { Hold } from './store.js';

/** Where content is found: this, followed by its hash. */
export const contentPath = '/v1/content/';

/** Where files lie: in a store, or elsewhere. */
export interface ContentSource {
  /** Undefined where there is no such file. */
  hold(hash: ContentHash): Promise<Hold | undefined>;
}

export interface ContentHandlerOptions {
  readonly store: ContentSource;
  /** Whether this caller may have that file. Default: whoever reaches the handler may. */
  readonly mayRead?: (request: IncomingMessage, hash: ContentHash) => boolean;
  /** Transfers at the same time; more get 503. Default 256. */
  readonly maxTransfers?: number;
  /** Transfers of one caller at the same time; more get 503. Default 8. */
  readonly maxTransfersEach?: number;
  /** A reader that takes nothing for so long is cut off, whatever it sends. Default 20 s. */
  readonly idleMs?: number;
  /** Hears of requests for what no hash names, and of callers that may not have what they ask for. Must not throw. */
  readonly onRefused?: (error: CutpointError, request: IncomingMessage) => void;
  /** Hears of transfers that failed on this side, for the log. Must not throw. */
  readonly onError?: (error: CutpointError, hash: ContentHash) => void;
}

/**
 * Answers one request; any server of `node:http` or `node:https` can host it.
 * @param caller who asks, where that has been proven; else the address counts
 */
export type ContentHandler = (request: IncomingMessage, response: ServerResponse, caller?: string) => Promise<void>;

/**
 * Serves `GET` and `HEAD` of `/v1/content/HASH`: single ranges, a strong entity tag (the hash), no encodings. What a
 * hash names never changes, so it may be cached for ever.
 */
export function contentHandler(options: ContentHandlerOptions): ContentHandler {
  const {
    store,
    mayRead = () => true,
    maxTransfers = 256,
    maxTransfersEach = 8,
    onRefused = () => undefined,
  } = options;
  const [all, each] = [new Shares(maxTransfers), new Shares(maxTransfersEach)];
  return async (request, response, caller) => {
    const { method } = request;
    if (method !== 'GET' && method !== 'HEAD') {
      refuse(response, 'notAllowed', 'Content can be read with GET and HEAD.', { allow: 'GET, HEAD' });
      return;
    }
    const { url = '' } = request;
    const hash = hashIn(url);
    if (hash === undefined) {
      onRefused(new CutpointError('CUT_HTTP', `Somebody asked for ${brief(url)}, which is no content.`), request);
      return refuse(response, 'missing', 'Content is named by the 64 hexadecimal digits of its SHA-256.');
    }
    if (!mayRead(request, hash)) {
      onRefused(new CutpointError('CUT_FORBIDDEN', `Somebody asked for ${hash}, and may not have it.`), request);
      return refuse(response, 'forbidden', 'This content is not for this caller.');
    }
    using share = each.take(caller ?? `at ${networkOf(request.socket.remoteAddress)}`);
    using place = share && all.take('');
    if (place === undefined) {
      const whose = share === undefined ? 'Too many transfers of yours' : 'Too many transfers';
      return refuse(response, 'overloaded', `${whose} are under way.`, { 'retry-after': '1' });
    }
    try {
      using hold = await store.hold(hash);
      if (hold === undefined) return refuse(response, 'missing', 'There is no such content here.');
      await send(request, response, hold, options);
    } catch (thrown) {
      response.destroy();
      if (!isClosedByReader(thrown)) options.onError?.(asCutpointError(thrown, 'CUT_INTERNAL'), hash);
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
  { idleMs = 20_000 }: ContentHandlerOptions,
): Promise<void> {
  const tag = `"${hash}"`;
  const common = { 'accept-ranges': 'bytes', etag: tag, 'cache-control': 'private, max-age=31536000, immutable' };
  if (headers['if-none-match'] === tag) {
    response.writeHead(304, common).end();
    return;
  }
  const range = (headers['if-range'] ?? tag) === tag ? byteRangeOf(headers.range, bytes) : undefined;
  if (range === 'unsatisfiable') {
    refuse(response, 'unsatisfiable', 'The range lies behind the end.', {
      ...common,
      'content-range': `bytes */${bytes}`,
    });
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
  const stalled = setTimeout(() => response.destroy(), idleMs);
  try {
    // The next part is read when there is room for it: that is progress, and what a reader sends meanwhile is none.
    const taken = async function* (parts: AsyncIterable<Buffer>) {
      for await (const part of parts) {
        stalled.refresh();
        yield part;
      }
    };
    await pipeline(createReadStream(path, { start, end }), taken, response);
  } finally {
    clearTimeout(stalled);
  }
}

const refusals = {
  forbidden: [403, 'CUT_FORBIDDEN'],
  missing: [404, 'CUT_NOT_FOUND'],
  notAllowed: [405, 'CUT_HTTP'],
  unsatisfiable: [416, 'CUT_HTTP'],
  overloaded: [503, 'CUT_OVERLOADED'],
} as const satisfies Record<string, readonly [number, ErrorCode]>;

function refuse(
  response: ServerResponse,
  why: keyof typeof refusals,
  message: string,
  headers: Record<string, string> = {},
): void {
  const [status, code] = refusals[why];
  const body = `${JSON.stringify({ error: message, code })}\n`;
  response
    .writeHead(status, { ...headers, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
    .end(body);
}

/** Readers come and go; that is no fault of this side. */
function isClosedByReader(thrown: unknown): boolean {
  const code = (thrown as NodeJS.ErrnoException | undefined)?.code;
  return !isErrorCode(code) && ['ERR_STREAM_PREMATURE_CLOSE', 'ECONNRESET', 'EPIPE'].includes(code ?? '');
}
