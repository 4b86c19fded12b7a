import http, { type IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { type CancelSignal, CutpointError, cancelReason, isErrorCode, onCancel } from '@cutpoint/core';
import type { ClientTls } from '@cutpoint/wire';
import { z } from 'zod';
import { dialTls } from '../connection/dial-tls.js';
import { maxPairingBytes } from './pairing-messages.js';

const refusal = z.object({ error: z.object({ code: z.string().max(64), message: z.string().max(2_000) }) });
const maxReplyBytes = 4 * maxPairingBytes;

/** A TLS connection to an HTTPS server, before a request. */
export interface SecureDial {
  /** `https://host:port`. */
  readonly url: string;
  readonly tls: ClientTls;
  readonly signal: CancelSignal;
}

/**
 * Opens a connection that only `tls.check` has judged, or nobody without it.
 * @throws CutpointError CUT_USAGE for a wrong URL, CUT_UNREACHABLE, what the check throws
 */
export async function dialSecure({ url, tls, signal }: SecureDial): Promise<TLSSocket> {
  const { hostname: host, port } = parseServerUrl(url);
  return await dialTls({ host, port, url, tls, signal });
}

const usualPort = 7480;
const highestPort = 65_535;

/**
 * The address of a fleet's server as people write it, in full: `https://` may be left out, and the port where it is 7480.
 * @throws CutpointError CUT_USAGE
 */
export function serverUrl(text: string): string {
  const [, host, digits = String(usualPort)] =
    /^(?:https:\/\/)?(\[[^\]]+\]|[^:/?#@[\]\s]+)(?::(\d+))?\/?$/.exec(text) ?? [];
  if (host === undefined || !URL.canParse(`https://${host}`)) {
    const message = `"${text}" is no address of a server: give https://HOST:PORT; where the port is left out, it is ${usualPort}.`;
    throw new CutpointError('CUT_USAGE', message);
  }
  const port = Number(digits);
  if (port >= 1 && port <= highestPort) return `https://${new URL(`https://${host}`).hostname}:${port}`;
  throw new CutpointError('CUT_USAGE', `"${text}" is no address of a server: ports are 1 to ${highestPort}.`);
}

/** Where pairing and renewal are answered. @throws CutpointError CUT_USAGE */
export function parseServerUrl(text: string): { readonly hostname: string; readonly port: number } {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:' || url.pathname !== '/' || url.search !== '') {
    throw new CutpointError('CUT_USAGE', `"${text}" is no address of a server: use https://host:port.`);
  }
  return { hostname: url.hostname.replace(/^\[(.*)\]$/, '$1'), port: url.port === '' ? 443 : Number(url.port) };
}

/**
 * One exchange of JSON on a connection, which it closes.
 * @throws CutpointError what the server says; CUT_UNREACHABLE if it says nothing that can be read; the signal's reason
 */
export async function exchange<T>(socket: TLSSocket, { method, path, body, schema, signal }: Exchange<T>): Promise<T> {
  using _ = onCancel(signal, () => socket.destroy(cancelReason(signal)));
  try {
    const response = await send(socket, method, path, body === undefined ? undefined : JSON.stringify(body));
    const text = await readText(response);
    if (response.statusCode === 200) return schema.parse(JSON.parse(text));
    throw refusedBy(text, response.statusCode);
  } catch (thrown) {
    if (signal.aborted) throw cancelReason(signal);
    if (thrown instanceof CutpointError) throw thrown;
    const message = 'The server gave no answer that can be read: check the address and both versions.';
    throw new CutpointError('CUT_UNREACHABLE', message, { cause: thrown });
  } finally {
    socket.destroy();
  }
}

export interface Exchange<T> {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: object;
  readonly schema: z.ZodType<T>;
  readonly signal: CancelSignal;
}

function send(socket: TLSSocket, method: string, path: string, body: string | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = {
      host: 'cutpoint',
      connection: 'close',
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body ?? ''),
    };
    const request = http.request({ createConnection: () => socket, method, path, headers }, resolve);
    request.once('error', reject);
    request.end(body);
  });
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxReplyBytes) throw new CutpointError('CUT_HTTP', `The answer is longer than ${maxReplyBytes} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** What a server that nobody has checked yet says goes to a terminal: without control characters. */
function refusedBy(text: string, status: number | undefined): CutpointError {
  const said = refusal.safeParse(safeJson(text));
  if (!said.success)
    return new CutpointError(
      'CUT_UNREACHABLE',
      `The server answers with HTTP status ${status}: it may be no Cutpoint server.`,
    );
  const { code, message } = said.data.error;
  return new CutpointError(isErrorCode(code) ? code : 'CUT_INTERNAL', message.replace(/\p{Cc}/gu, '?'));
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Told as an answer that is no refusal of ours.
    return undefined;
  }
}
