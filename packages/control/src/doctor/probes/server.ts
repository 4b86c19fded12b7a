import { lookup } from 'node:dns/promises';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';
import { z } from 'zod';
import type { ClockReading, PortAnswer, Resolution, TlsAnswer } from '../network-checks.js';
import { within } from './deadline.js';

const noAnswer: ReadonlySet<string> = new Set(['EAI_AGAIN', 'EREFUSED', 'ECONNREFUSED', 'SERVFAIL']);

/** Asks for the addresses of a host name, as any program of this machine would. */
export function resolveName(host: string, timeoutMs: number): Promise<Resolution> {
  const found = lookup(host, { all: true }).then(
    (list): Resolution => ({ kind: 'found', addresses: list.map(({ address }) => address) }),
    (error: NodeJS.ErrnoException): Resolution => ({
      kind: noAnswer.has(error.code ?? '') ? 'no-answer' : 'unknown',
    }),
  );
  return within(timeoutMs, found, { kind: 'timed-out' });
}

/** Opens a TCP connection and closes it. */
export function knock(address: string, port: number, timeoutMs: number): Promise<PortAnswer> {
  const startedAt = performance.now();
  const socket = net.connect({ host: address, port });
  return new Promise((resolve) => {
    const end = (answer: PortAnswer): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => end({ kind: 'timed-out', address }), timeoutMs);
    socket.once('connect', () => {
      end({ kind: 'open', address, from: socket.localAddress ?? '', ms: performance.now() - startedAt });
    });
    socket.on('error', ({ code }: NodeJS.ErrnoException) => {
      const kind = code === 'ECONNREFUSED' ? 'refused' : code === 'ETIMEDOUT' ? 'timed-out' : 'unreachable';
      end({ kind, address });
    });
  });
}

export interface GreetOptions {
  readonly host: string;
  readonly address: string;
  readonly port: number;
  /** Authorities to trust instead of the system's, PEM. */
  readonly ca: string | undefined;
  readonly timeoutMs: number;
}

/** What OpenSSL says of dates and names is judged by ourselves, in words. */
const notOfTrust: ReadonlySet<string> = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

/** Greets a port with TLS and looks at the certificates that it shows; nothing is sent to it. */
export function greet({ host, address, port, ca, timeoutMs }: GreetOptions): Promise<TlsAnswer> {
  const socket = tls.connect({
    host: address,
    port,
    rejectUnauthorized: false,
    ...(net.isIP(host) === 0 ? { servername: host } : {}),
    ...(ca === undefined ? {} : { ca }),
  });
  return new Promise((resolve) => {
    const end = (answer: TlsAnswer): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => end({ kind: 'timed-out' }), timeoutMs);
    socket.once('secureConnect', () => end(chainOf(socket, host)));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const noTls = /wrong version number|packet length too long|record too/.test(error.message);
      end(noTls || hungUp.has(error.code ?? '') ? { kind: 'no-tls' } : { kind: 'failed', why: reasonOf(error) });
    });
    socket.on('close', () => end({ kind: 'no-tls' }));
  });
}

const hungUp: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE']);

function chainOf(socket: tls.TLSSocket, host: string): TlsAnswer {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return { kind: 'failed', why: 'the server shows no certificate' };
  let last = certificate;
  // A chain ends with one that issued itself; a limit, because it comes from outside.
  for (let i = 0; i < maxChain; i++) {
    const issuer = last.issuerCertificate;
    if (issuer === undefined || issuer.fingerprint256 === last.fingerprint256) break;
    last = issuer;
  }
  const { authorizationError } = socket;
  const code = authorizationError instanceof Error ? 'ERR_TLS_CERT_ALTNAME_INVALID' : authorizationError;
  const matches = net.isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host);
  return {
    kind: 'tls',
    subject: (certificate.subjectAltName ?? certificate.subject).slice(0, 200),
    validFromMs: Date.parse(certificate.validFrom),
    validToMs: Date.parse(certificate.validTo),
    hostMatches: matches !== undefined,
    distrust: code === null || code === undefined || notOfTrust.has(String(code)) ? undefined : String(code),
    authorityHash: last.fingerprint256.replaceAll(':', '').toLowerCase(),
  };
}

const maxChain = 16;

function reasonOf({ message }: Error): string {
  return message.slice(0, 200).replace(/[\s.]+$/, '');
}

/** What an HTTP server says about itself. */
export interface ServerFacts {
  readonly clock: ClockReading | undefined;
  readonly version: string | undefined;
}

const maxAnswerBytes = 64 * 1024;
const about = z.object({ version: z.string().max(64) });

/** Asks `/v2` of an HTTP API; any answer, a refusal too, tells the time of the server. Nothing secret is sent. */
export function askServer(base: URL, timeoutMs: number): Promise<ServerFacts> {
  const secure = base.protocol === 'https:' || base.protocol === 'wss:';
  const url = new URL('/v2', `${secure ? 'https' : 'http'}://${base.host}`);
  const askedMs = Date.now();
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    let clock: ClockReading | undefined;
    const end = (): void => {
      clearTimeout(timer);
      request.destroy();
      resolve({ clock, version: versionIn(Buffer.concat(chunks)) });
    };
    const request = (secure ? https : http).get(url, { rejectUnauthorized: false, agent: false }, (response) => {
      const serverMs = Date.parse(response.headers.date ?? '');
      clock = Number.isNaN(serverMs) ? undefined : { serverMs, askedMs, answeredMs: Date.now() };
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > maxAnswerBytes) end();
        else chunks.push(chunk);
      });
      response.on('end', end).on('error', end);
    });
    const timer = setTimeout(end, timeoutMs);
    request.on('error', end);
  });
}

function versionIn(body: Buffer): string | undefined {
  try {
    return about.parse(JSON.parse(body.toString('utf8'))).version;
  } catch {
    // Not every server that tells the time says what it is; that is no trouble.
    return undefined;
  }
}
