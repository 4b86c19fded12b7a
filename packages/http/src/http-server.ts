import http from 'node:http';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { CutpointError, messageOf } from '@cutpoint/core';
import type { HealthReport, Log } from '@cutpoint/daemon';
import fastify, { type FastifyInstance } from 'fastify';
import type { Access } from './access.js';
import { failureHandler } from './failure-handler.js';
import { guard } from './guard.js';
import { healthPages } from './health-pages.js';
import { defaultHttpLimits, type HttpLimits } from './limits.js';
import type { MetricsPage } from './metrics.js';
import { OpenSockets } from './open-sockets.js';
import { describeRoutes } from './openapi.js';
import { Refusal } from './refusal.js';
import { refuseUpgrade } from './refuse-upgrade.js';

/** PEM texts; `ca` names the authorities that clients are asked to have a certificate of. */
export interface HttpTls {
  readonly cert: string;
  readonly key: string;
  readonly ca?: string | undefined;
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3' | undefined;
}

export interface HttpOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly tls?: HttpTls;
  /** Sees every request first, and answers it or gives false: for those that must not depend on anything else here. */
  readonly intercept?: (request: http.IncomingMessage, response: http.ServerResponse) => boolean;
  /** Takes connections that ask for another protocol, such as WebSockets, by their path; all others are refused. */
  readonly upgrades?: Readonly<Record<string, Upgrade>>;
  readonly access: Access;
  readonly health: () => HealthReport;
  readonly metrics: MetricsPage;
  /** What is served beside health, metrics and `/openapi.json`; routes name the scope they need in their `config`. */
  readonly routes: (app: FastifyInstance) => Promise<void>;
  /** What it is, in a sentence for `/openapi.json`. */
  readonly description: string;
  readonly limits?: Partial<HttpLimits>;
  /** How long a stop waits for requests under way, in ms. */
  readonly graceMs: number;
  readonly log: Log;
}

/** Takes a connection over; whether whoever asks may is its own to judge. */
export type Upgrade = (request: http.IncomingMessage, socket: Duplex, head: Buffer) => void;

/** An HTTP door that listens; disposing of it lets requests under way finish within the grace. */
export interface HttpServer extends AsyncDisposable {
  /** With the real port. */
  readonly url: string;
  /** Shows another certificate from the next handshake on. */
  renew(tls: HttpTls): void;
  /** Ends connections that were made with a certificate or token that is good no longer, and the requests on them. */
  recheck(): Promise<void>;
}

/**
 * Opens a door: guarded, within limits, with health, metrics and a document of its routes.
 * @throws CutpointError CUT_BIND, CUT_TLS.
 */
export async function startHttp(options: HttpOptions): Promise<HttpServer> {
  const limits = { ...defaultHttpLimits, ...options.limits };
  const app = await openApp(options, limits);
  const sockets = new OpenSockets(app.server);
  await app.ready();
  const { host, port } = options;
  try {
    await app.listen({ host, port });
  } catch (thrown) {
    await app.close();
    const message = `The HTTP API cannot listen on ${host}:${port}: ${messageOf(thrown)}. Choose another port.`;
    throw new CutpointError('CUT_BIND', message, { cause: thrown });
  }
  const address = app.server.address() as AddressInfo; // it listens on a port, not on a pipe
  const name = host.includes(':') ? `[${host}]` : host;
  const url = `http${options.tls === undefined ? '' : 's'}://${name}:${address.port}`;
  options.log.info({ url }, 'http');
  return {
    url,
    renew(tls) {
      if (app.server instanceof https.Server) app.server.setSecureContext(secureContext(tls));
    },
    recheck: () => sockets.recheck(options.access),
    [Symbol.asyncDispose]: () => close(app, options.graceMs),
  };
}

async function openApp(options: HttpOptions, limits: HttpLimits): Promise<FastifyInstance> {
  const { access, health, metrics, routes, description, log } = options;
  const fail = failureHandler(log);
  const app = fastify({
    serverFactory: (handler) => nodeServer(options, limits, handler),
    bodyLimit: limits.maxPlainBytes,
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
    forceCloseConnections: 'idle',
    requestIdHeader: false,
    routerOptions: { maxParamLength: 1024, ignoreTrailingSlash: true },
    clientErrorHandler: (error, socket) => refuseConnection(error, socket, log),
    // Of addresses that no route can be looked up by.
    frameworkErrors: (error, request, reply) => void fail(error, request, reply),
  });
  app.setErrorHandler(fail);
  await guard(app, access, limits);
  await describeRoutes(app, description);
  app.setNotFoundHandler((request, reply) => {
    const missing = new Refusal(404, 'CUT_NOT_FOUND', 'There is nothing here; /openapi.json lists what there is.');
    return fail(missing, request, reply);
  });
  logAnswers(app, log);
  await app.register(async (own) => healthPages(own, health, metrics));
  await app.register(routes);
  return app;
}

/** With limits on all that a connection may do before a request is complete. */
function nodeServer(
  { tls, access, intercept, upgrades }: HttpOptions,
  limits: HttpLimits,
  answer: http.RequestListener,
): http.Server {
  const handler: http.RequestListener = (request, response) => {
    if (intercept?.(request, response) !== true) answer(request, response);
  };
  const options: http.ServerOptions = {
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout: limits.headTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.idleTimeoutMs,
    connectionsCheckingInterval: Math.min(1_000, limits.headTimeoutMs / 2),
  };
  const server =
    tls === undefined
      ? http.createServer(options, handler)
      : https.createServer({ ...options, ...secure(tls, access), handshakeTimeout: limits.headTimeoutMs }, handler);
  if (upgrades !== undefined) server.on('upgrade', (...asked) => takeUpgrade(upgrades, ...asked));
  server.maxConnections = limits.maxConnections;
  // Longer than any answer takes: this ends connections whose caller does not read.
  server.setTimeout(limits.maxTimeoutMs + limits.idleTimeoutMs);
  return server;
}

function takeUpgrade(upgrades: NonNullable<HttpOptions['upgrades']>, ...asked: Parameters<Upgrade>): void {
  const [{ url = '' }, socket] = asked;
  socket.on('error', () => socket.destroy());
  const path = url.split('?', 1)[0] ?? '';
  const take = Object.hasOwn(upgrades, path) ? upgrades[path] : undefined;
  if (take === undefined) refuseUpgrade(socket, '404 Not Found');
  else take(...asked);
}

/** Certificates are asked for where somebody judges them, and not demanded: a token will do as well. */
function secure(tls: HttpTls, { verifyCertificate }: Access): https.ServerOptions {
  return { ...secureContext(tls), requestCert: verifyCertificate !== undefined, rejectUnauthorized: false };
}

function secureContext({ cert, key, ca, minVersion = 'TLSv1.2' }: HttpTls): https.ServerOptions {
  return { cert, key, minVersion, ...(ca === undefined ? {} : { ca }) };
}

function logAnswers(app: FastifyInstance, log: Log): void {
  app.addHook('onResponse', async (request, reply) => {
    if (!log.isLevelEnabled('debug') || reply.statusCode >= 400) return;
    const { method, ip, routeOptions } = request;
    const ms = Math.round(reply.elapsedTime);
    log.debug({ method, path: routeOptions.url, address: ip, status: reply.statusCode, ms }, 'answered');
  });
}

/** Answers what is no HTTP, or takes too long to arrive. */
function refuseConnection(error: Error & { code?: string }, socket: Socket, log: Log): void {
  // It was answered before, and what it still sends is no news; or it is gone, in the middle of a request or before one.
  if (!socket.writable || error.code === 'HPE_INVALID_EOF_STATE') {
    socket.destroy();
    return;
  }
  const slow = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
  const [status, text] = slow
    ? ['408 Request Timeout', 'The request took too long to arrive.']
    : error.code === 'HPE_HEADER_OVERFLOW'
      ? ['431 Request Header Fields Too Large', 'The head of the request is too large.']
      : ['400 Bad Request', 'This is not HTTP.'];
  log.warn({ address: socket.remoteAddress, status: status.slice(0, 3), reason: error.code }, text);
  const body = JSON.stringify({ error: text, code: 'CUT_HTTP' });
  const head = `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close`;
  socket.end(`${head}\r\n\r\n${body}`, () => socket.destroy());
}

async function close(app: FastifyInstance, graceMs: number): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), graceMs);
  try {
    await app.close();
  } finally {
    clearTimeout(timer);
  }
}
