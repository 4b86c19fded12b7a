import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server, Socket } from 'node:net';
import { asCutpointError, CutpointError } from '@cutpoint/core';
import type { Address } from './address.js';
import type { Link } from './link.js';
import type { Post } from './post.js';
import type { ClientTls, ServerTls } from './tls.js';

export interface DialOptions {
  readonly tls: ClientTls | undefined;
  /** For mqtt. */
  readonly post: Post | undefined;
  readonly signal: AbortSignal;
  /** TLS is up: called before anything is read. Throws a `CutpointError` to go no further. */
  readonly onSecure: (socket: Socket) => void;
}

/** Answers an HTTP request that is no upgrade, e.g. for health checks on the port of a ws listener. */
export type HttpHandler = (request: IncomingMessage, response: ServerResponse) => void;

export interface BindOptions {
  readonly tls: ServerTls | undefined;
  readonly onHttp: HttpHandler | undefined;
  /** For mqtt. */
  readonly post: Post | undefined;
  readonly handshakeTimeoutMs: number;
  /** Called for every socket as soon as it is accepted; false: it was turned away. */
  readonly admit: (socket: Socket) => boolean;
  /** A link is up; `socket` is absent for transports without any, `from` is who is there if they know it. */
  readonly onLink: (link: Link, socket: Socket | undefined, from?: string) => void;
  /** A TLS handshake failed. */
  readonly onTlsError: (error: CutpointError, socket: Socket) => void;
}

/** A transport that listens. */
export interface Binding {
  readonly url: string;
  /** Shows another certificate from the next handshake on. @throws CutpointError CUT_TLS, CUT_USAGE */
  renew(tls: ServerTls): void;
  /** Accepts nothing new. Resolves when the port is free and every connection is closed. */
  close(): Promise<void>;
}

/** What a transport has to offer. */
export interface Transport {
  /** @throws CutpointError CUT_UNREACHABLE or CUT_TLS; the signal's reason if it aborts. */
  dial(address: Address, options: DialOptions): Promise<Link>;
  /** @throws CutpointError CUT_BIND */
  bind(address: Address, options: BindOptions): Promise<Binding>;
}

const networkCodes = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'EACCES',
  'ETIMEDOUT',
]);

/** Why a connection could not be made. */
export function dialError(address: Address, cause: Error): CutpointError {
  const { url, scheme, secure } = address;
  const { code = '' } = cause as NodeJS.ErrnoException;
  if (secure && isNoTls(code, cause.message)) {
    const message = `${url} does not seem to speak TLS: connect with ${scheme.slice(0, -1)}://, or start the other side with a certificate.`;
    return new CutpointError('CUT_TLS', message, { cause });
  }
  if (code.startsWith('HPE_')) {
    const message = `${url} does not seem to speak WebSocket: check the port, and whether the scheme is tcp or tcps.`;
    return new CutpointError('CUT_UNREACHABLE', message, { cause });
  }
  const why = (cause.message === '' ? code || 'no reason given' : cause.message).replace(/[\s:.]+$/, '');
  if (secure && !networkCodes.has(code)) {
    const message = `The TLS handshake with ${url} failed: ${why}. Check the certificate, the host name and the scheme.`;
    return new CutpointError('CUT_TLS', message, { cause });
  }
  const message = code === 'ECONNRESET' && !secure ? hungUpOnPlain(address) : `No server answers at ${url}: ${why}.`;
  return new CutpointError('CUT_UNREACHABLE', message, { cause });
}

/** A port with TLS ends an unencrypted connection without a word. */
export function hungUpOnPlain({ url, scheme }: Address): string {
  return `The other side closed the connection to ${url} before it said hello; it may expect TLS: try ${scheme}s://.`;
}

/** What answers a TLS greeting without TLS: OpenSSL takes it for a record of an unknown version. */
function isNoTls(code: string, message: string): boolean {
  return code === 'ERR_SSL_WRONG_VERSION_NUMBER' || message.includes('wrong version number');
}

/** Why an address cannot be listened on. */
export function bindError(url: string, cause: Error): CutpointError {
  return new CutpointError('CUT_BIND', `Cannot listen on ${url}: ${cause.message}. Choose another port or address.`, {
    cause,
  });
}

/** @throws CutpointError CUT_USAGE if an encrypted address comes without a certificate. */
export function needTls({ url }: Address, tls: ServerTls | undefined): ServerTls {
  if (tls !== undefined) return tls;
  throw new CutpointError('CUT_USAGE', `${url} needs a certificate and its key.`);
}

/** Does what needs a certificate that works. @throws CutpointError CUT_TLS if it does not */
export function withCertificate<T>(work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    throw asCutpointError(thrown, 'CUT_TLS', 'The certificate or its key cannot be used');
  }
}

/** Why a stranger's TLS handshake came to nothing, for the log. */
export function handshakeError(cause: Error): CutpointError {
  const why = cause.message.replace(/[\s:.]+$/, '');
  return new CutpointError('CUT_TLS', `A TLS handshake failed: ${why}.`, { cause });
}

/** Listens and gives the port taken. @throws CutpointError CUT_BIND */
export async function listenOn(server: Server, { url, host, port }: Address): Promise<number> {
  try {
    server.listen({ host, port });
    await once(server, 'listening');
  } catch (thrown) {
    throw bindError(url, thrown instanceof Error ? thrown : new Error(String(thrown)));
  }
  const bound = server.address();
  return typeof bound === 'object' && bound !== null ? bound.port : port;
}
