import { type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { type RequestOptions, request as requestHttps } from 'node:https';
import type { TLSSocket } from 'node:tls';
import {
  asCutpointError,
  type CancelSignal,
  CutpointError,
  cancelReason,
  onCancel,
  systemReason,
  throwIfCancelled,
} from '@cutpoint/core';
import type { ClientTls } from '@cutpoint/wire';
import { contentPath } from './content-handler.js';
import type { Incoming } from './incoming.js';

/** What a device shows and trusts, as `node:https` takes it; with a check, that decides alone who the server is. */
export type ContentTls = Pick<RequestOptions, 'servername' | 'checkServerIdentity'> & ClientTls;

/** Where to get content, and as whom. */
export interface ContentOrigin {
  /** `https://host:port` or `http://host:port`. */
  readonly url: string;
  readonly tls: ContentTls;
  readonly headers: Readonly<Record<string, string>>;
  /** A server that sends nothing for so long counts as gone. */
  readonly idleMs: number;
}

/** How one attempt ended, where it did not end for good. */
export type Attempt =
  | { readonly kind: 'whole' }
  /** Worth another attempt, not before `afterMs`. */
  | { readonly kind: 'cut'; readonly error: CutpointError; readonly afterMs: number };

/**
 * Asks one origin for what is missing of a file and writes it. Nothing encoded is accepted, no redirect followed, and no
 * byte more than announced taken.
 * @throws CutpointError what no other attempt at this origin can mend: CUT_CONTENT, CUT_UNAUTHORISED, CUT_TLS,
 * CUT_DISK_FULL, CUT_FILE_WRITE; CUT_CANCELLED and CUT_DEADLINE by the signal.
 */
export async function download(
  incoming: Incoming,
  hash: string,
  origin: ContentOrigin,
  { signal, onProgress }: { signal: CancelSignal; onProgress: () => void },
): Promise<Attempt> {
  throwIfCancelled(signal);
  if (incoming.offset === incoming.bytes && incoming.bytes > 0) return { kind: 'whole' };
  const request = ask(origin, hash, incoming.offset);
  // Whoever awaits hears of the error; it may come after the answer has begun, when nobody awaits this.
  request.on('error', () => undefined);
  using _ = onCancel(signal, () => request.destroy());
  let idle = false;
  let answered = false;
  request.setTimeout(origin.idleMs, () => {
    idle = true;
    request.destroy();
  });
  try {
    const response = await answerOf(request);
    answered = true;
    const early = await begin(response, incoming, hash);
    if (early !== undefined) return early;
    for await (const chunk of response) {
      await incoming.write(chunk as Uint8Array);
      onProgress();
    }
    if (incoming.offset < incoming.bytes) return cut(origin.url, 'it ended the answer too early');
    return { kind: 'whole' };
  } catch (thrown) {
    if (signal.aborted) throw cancelReason(signal);
    if (thrown instanceof CutpointError) throw thrown;
    if (isTlsError(thrown)) {
      const message = `The TLS handshake with ${origin.url} failed: ${systemReason(thrown)}.`;
      throw new CutpointError('CUT_TLS', message, { cause: thrown });
    }
    return cut(origin.url, idle ? `nothing came for ${origin.idleMs} ms` : whyCut(thrown, origin.url, answered));
  } finally {
    request.destroy();
  }
}

function ask({ url, tls, headers }: ContentOrigin, hash: string, offset: number): ClientRequest {
  const target = new URL(contentPath + hash, url);
  const resume = offset === 0 ? {} : { range: `bytes=${offset}-`, 'if-range': `"${hash}"` };
  const options = { headers: { ...headers, ...resume, 'accept-encoding': 'identity' }, agent: false as const };
  const secure = target.protocol === 'https:';
  return (secure ? requestSecurely(target, tls, options) : requestHttp(target, options)).end();
}

/** On a connection of its own, so that the check comes before anything that the server says. */
function requestSecurely(target: URL, { check, ...tls }: ContentTls, options: RequestOptions): ClientRequest {
  const request = requestHttps(target, { ...tls, ...options, rejectUnauthorized: check === undefined });
  if (check === undefined) return request;
  const host = target.hostname.replace(/^\[(.*)\]$/, '$1');
  return request.once('socket', (socket) => {
    socket.once('secureConnect', () => {
      try {
        check({ certificate: (socket as TLSSocket).getPeerX509Certificate(), host });
      } catch (thrown) {
        request.destroy(asCutpointError(thrown, 'CUT_TLS'));
      }
    });
  });
}

function answerOf(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve);
    request.once('error', reject);
    request.once('close', () => reject(new Error('the connection was closed')));
  });
}

/** Makes sure that what comes now is what is missing. */
async function begin(response: IncomingMessage, incoming: Incoming, hash: string): Promise<Attempt | undefined> {
  const { statusCode = 0, headers } = response;
  const early = refusal(statusCode, headers['retry-after']);
  if (early !== undefined) return early;
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') throw wrong(`it is encoded as ${encoding}, which was not asked for`);
  if (headers.etag !== undefined && headers.etag !== `"${hash}"`) throw wrong('its entity tag is of other content');
  const { bytes } = incoming;
  // Without the range that was asked for, all of it comes again.
  const from = statusCode === 200 ? 0 : incoming.offset;
  const range = `bytes ${from}-${bytes - 1}/${bytes}`;
  if (statusCode === 206 && headers['content-range'] !== range) {
    throw wrong(`it is the range ${headers['content-range'] ?? 'of nothing'} instead of ${range}`);
  }
  const length = headers['content-length'];
  if (length !== undefined && Number(length) !== bytes - from) {
    throw wrong(`it has ${length} bytes instead of the ${bytes - from} that were announced`);
  }
  if (from < incoming.offset) await incoming.restart();
  return undefined;
}

/** Undefined for an answer with content. */
function refusal(status: number, retryAfter: string | undefined): Attempt | undefined {
  if (status === 200 || status === 206) return undefined;
  if (status === 401 || status === 403) {
    throw new CutpointError('CUT_UNAUTHORISED', `The server refuses to give the content (status ${status}).`);
  }
  if (status === 404) throw wrong('the server does not have it');
  if (status === 429 || status >= 500) {
    const seconds = Number(retryAfter ?? 0);
    const afterMs = Number.isFinite(seconds) ? seconds * 1000 : 0;
    const error = new CutpointError('CUT_OVERLOADED', `The server cannot give the content now (status ${status}).`);
    return { kind: 'cut', error, afterMs };
  }
  throw wrong(`the server answered with status ${status}`);
}

function wrong(what: string): CutpointError {
  return new CutpointError('CUT_CONTENT', `The content cannot be taken: ${what}.`);
}

function cut(url: string, why: string): Attempt {
  const error = new CutpointError('CUT_UNREACHABLE', `Content did not come whole from ${url}: ${why}.`);
  return { kind: 'cut', error, afterMs: 0 };
}

function whyCut(thrown: unknown, url: string, answered: boolean): string {
  const hungUp = (thrown as NodeJS.ErrnoException | undefined)?.code === 'ECONNRESET' && !answered;
  const hint = hungUp && url.startsWith('https:') ? '; it may not accept the certificate of this device' : '';
  return systemReason(thrown) + hint;
}

function isTlsError(thrown: unknown): boolean {
  const code = (thrown as NodeJS.ErrnoException | undefined)?.code ?? '';
  const certificate = ['DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'];
  return (
    code.startsWith('ERR_TLS') || code.startsWith('ERR_SSL') || code.startsWith('CERT_') || certificate.includes(code)
  );
}
