import { createReadStream } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { rootCertificates } from 'node:tls';
import { asCutpointError, CutpointError, isErrorCode, messageOf } from '@cutpoint/core';
import { readAuthorityFile, readTokenFile, stateHelp } from '@cutpoint/daemon/client';
import { failureAnswer } from '@cutpoint/server/client';
import type { Command } from 'commander';
import { z } from 'zod';
import { type FoundServer, findServer } from './find-server.js';

/** Where the HTTP API of a server is, and what to show there. */
export interface ServerOptions {
  readonly server?: string;
  readonly state?: string;
  readonly ca?: string;
  readonly tokenFile?: string;
}

/** Adds the options by which a verb finds the server of a fleet. */
export function addServerOptions(command: Command): Command {
  return command
    .option(
      '--server <url>',
      'the HTTP API of the server (default: the one that runs here or was paired with, else http://127.0.0.1:7480)',
    )
    .option('--state <folder>', stateHelp)
    .option(
      '--ca <file>',
      "PEM file with the authority of the server's certificate (default: that of the state folder)",
    )
    .option('--token-file <file>', 'file with the token to present');
}

/** Bytes of a file, the end not included. */
export interface FilePart {
  readonly path: string;
  readonly from: number;
  readonly to: number;
}

/** What zod makes. */
interface Schema<T> {
  safeParse(value: unknown): { success: true; data: T } | { success: false; error: unknown };
}

export interface Question<T> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With its query. */
  readonly path: string;
  readonly json?: unknown;
  readonly part?: FilePart;
  /** What a right answer looks like. */
  readonly answer: Schema<T>;
  /** How long the answer may take. Default 10 s. */
  readonly waitMs?: number;
}

/** The HTTP API of the server of a fleet. */
export interface ServerApi {
  readonly url: string;
  /**
   * @throws CutpointError what the server refused, under its code; CUT_UNREACHABLE, CUT_UNAUTHORISED, CUT_TLS, CUT_DEADLINE,
   * CUT_CANCELLED; CUT_USAGE if it has no fleet, CUT_WIRE_VERSION if it is of another version.
   */
  ask<T>(question: Question<T>): Promise<T>;
  /** For what is left to say after an interruption. */
  readonly afterwards: Pick<ServerApi, 'ask'>;
}

const waitByDefaultMs = 10_000;
const mostAnswerBytes = 64 * 1024 * 1024;

/** @throws CutpointError CUT_USAGE for what is no address, CUT_FILE_NOT_FOUND. */
export async function openServerApi(options: ServerOptions, signal: AbortSignal): Promise<ServerApi> {
  const { ca, tokenFile } = options;
  const found = await findServer(options, signal);
  const { url: server, authority: known, ifAway } = found;
  if (!/^https?:\/\//.test(server) || !URL.canParse(server)) {
    const message = `--server is "${server}", but must be an address such as http://127.0.0.1:7480.`;
    throw new CutpointError('CUT_USAGE', message);
  }
  const token = tokenFile === undefined ? undefined : await readTokenFile(tokenFile);
  // A server that was named may be one of others, with a certificate that the system trusts.
  const trusted = known === undefined ? undefined : [known, ...rootCertificates];
  const named = ca === undefined ? undefined : await readAuthorityFile(ca);
  const authority = named ?? trusted;
  // Whoever names another authority means another fleet, where this machine's certificate counts for nothing.
  const own = named === undefined || named.trim() === known?.trim() ? found.own : undefined;
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const agent = server.startsWith('https:')
    ? new https.Agent({ keepAlive: true })
    : new http.Agent({ keepAlive: true });
  const how: How = {
    headers,
    agent,
    ...(authority !== undefined && { ca: authority }),
    ...(own !== undefined && { cert: own.certificate, key: own.key }),
    ifAway,
  };
  const asking = (until: AbortSignal): Pick<ServerApi, 'ask'> => ({
    ask: (question) => ask(new URL(question.path, server), question, how, until),
  });
  return { url: server, ...asking(signal), afterwards: asking(new AbortController().signal) };
}

/** With what a server is asked. */
type How = https.RequestOptions & Pick<FoundServer, 'ifAway'>;

async function ask<T>(
  url: URL,
  question: Question<T>,
  { headers, ifAway, ...options }: How,
  signal: AbortSignal,
): Promise<T> {
  const { method, json, part, answer, waitMs = waitByDefaultMs } = question;
  const text = json === undefined ? undefined : JSON.stringify(json);
  const length = part === undefined ? Buffer.byteLength(text ?? '') : part.to - part.from;
  const type = part === undefined ? 'application/json' : 'application/octet-stream';
  const body = text === undefined && part === undefined ? {} : { 'content-type': type, 'content-length': length };
  const deadline = AbortSignal.timeout(waitMs);
  const both = AbortSignal.any([signal, deadline]);
  const found = await send(
    url,
    { ...options, method, headers: { ...headers, ...body }, signal: both },
    text,
    part,
  ).catch((cause: unknown) => {
    throw failure(cause, url, { signal, deadline, waitMs, ifAway });
  });
  if (found.status === 401 && options.cert !== undefined && (await isRevoked(url, { ...options, signal: both })))
    throw thisIsRevoked(url);
  if (found.status >= 400) throw refusal(url, found, options.cert !== undefined);
  const parsed = answer.safeParse(found.json);
  if (parsed.success) return parsed.data;
  const message = `The server at ${url.origin} does not answer as a server of this version does.`;
  throw new CutpointError('CUT_WIRE_VERSION', message, { cause: parsed.error });
}

/** The API tells nobody why it refuses, but a device is told of itself where it asks for news of its certificate. */
async function isRevoked({ origin }: URL, options: https.RequestOptions): Promise<boolean> {
  const { json } = await send(new URL('/v1/identity', origin), { ...options, method: 'GET' }, undefined, undefined);
  return identityRefusal.safeParse(json).data?.error.code === 'CUT_REVOKED';
}

const identityRefusal = z.object({ error: z.object({ code: z.string() }) });

function thisIsRevoked({ origin }: URL): CutpointError {
  const message = `This device was revoked by the server at ${origin}, and is no member of its fleet any more. To let it in again, run \`cutpoint pair --new\` on the server, and here \`cutpoint pair\` with the code that it shows.`;
  return new CutpointError('CUT_REVOKED', message);
}

interface Found {
  readonly status: number;
  readonly json: unknown;
}

function send(
  url: URL,
  options: https.RequestOptions,
  text: string | undefined,
  part: FilePart | undefined,
): Promise<Found> {
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? https : http).request(url, options);
    request.once('error', reject);
    request.once('response', (response) => resolve(read(response)));
    if (part === undefined || part.to === part.from) {
      request.end(text);
      return;
    }
    const source = createReadStream(part.path, { start: part.from, end: part.to - 1 });
    source.once('error', (error) => request.destroy(error));
    source.pipe(request);
  });
}

async function read(response: http.IncomingMessage): Promise<Found> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    bytes += (chunk as Buffer).length;
    if (bytes > mostAnswerBytes)
      throw new CutpointError('CUT_WIRE_TOO_LARGE', 'The answer of the server is too large.');
    chunks.push(chunk as Buffer);
  }
  const text = Buffer.concat(chunks).toString();
  return { status: response.statusCode ?? 0, json: parseJson(text) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // no schema takes it
  }
}

function failure(
  cause: unknown,
  { origin }: URL,
  { signal, deadline, waitMs, ifAway }: { signal: AbortSignal; deadline: AbortSignal; waitMs: number; ifAway: string },
): CutpointError {
  if (signal.aborted) return asCutpointError(signal.reason, 'CUT_CANCELLED');
  if (deadline.aborted) {
    return new CutpointError('CUT_DEADLINE', `The server at ${origin} did not answer within ${waitMs / 1000} s.`);
  }
  if (cause instanceof CutpointError) return cause;
  const code = (cause as NodeJS.ErrnoException).code ?? '';
  if (/CERT|SELF_SIGNED|^ERR_TLS|^ERR_SSL|UNABLE_TO/.test(code)) {
    const message = `The certificate of ${origin} is not trusted (${messageOf(cause)}): give the authority with --ca.`;
    return new CutpointError('CUT_TLS', message, { cause });
  }
  return new CutpointError('CUT_UNREACHABLE', ifAway, { cause });
}

function refusal({ origin, pathname }: URL, { status, json }: Found, hasCertificate: boolean): CutpointError {
  const { error = `It answered with status ${status}.`, code } = failureAnswer.safeParse(json).data ?? {};
  const how = `run \`cutpoint token new --scope ${scopeOf(pathname)}\` on the server, and give what it prints with --token-file`;
  if (status === 401) {
    const why = hasCertificate ? "does not take this device's certificate" : 'wants a token';
    return new CutpointError('CUT_UNAUTHORISED', `The server at ${origin} ${why}: ${how}.`);
  }
  if (status === 403) {
    const message = `The server at ${origin} does not let this ${hasCertificate ? 'device' : 'caller'} do that: ${how}.`;
    return new CutpointError('CUT_FORBIDDEN', message);
  }
  if (error.startsWith('There is nothing here')) {
    return new CutpointError('CUT_USAGE', `The server at ${origin} has no fleet: start it with --fleet.`);
  }
  return new CutpointError(isErrorCode(code) ? code : 'CUT_HTTP', error);
}

/** What may be asked under a path, and by whom (docs/http-api.md). */
function scopeOf(path: string): 'read' | 'deploy' | 'admin' {
  if (path === '/v1/devices' || path === '/v1/status') return 'read';
  return path === '/v1/logs' ? 'admin' : 'deploy';
}
