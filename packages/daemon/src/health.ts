import { createServer, type RequestListener, type Server } from 'node:http';
import { CutpointError, messageOf } from '@cutpoint/core';
import { allowInsecure } from './endpoint.js';
import type { EndpointSettings } from './endpoint-settings.js';
import type { Log } from './log.js';
import { bareHost, isLoopback } from './loopback.js';

/** What a daemon says about itself; `ready` decides the status of /readyz. */
export interface HealthReport {
  readonly ready: boolean;
  readonly [detail: string]: unknown;
}

/**
 * Answers `GET /healthz` (200 while the process can answer) and `GET /readyz` (200 if ready, else 503), both with a
 * small JSON object; 404 for other paths. It tells nothing that a caller without a token must not know.
 */
export function healthHandler(report: () => HealthReport): RequestListener {
  return (request, response) => {
    const path = request.url?.split('?')[0];
    const answer = (status: number, body: object) => {
      response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
      response.end(request.method === 'HEAD' ? undefined : `${JSON.stringify(body)}\n`);
    };
    if (request.method !== 'GET' && request.method !== 'HEAD') return answer(405, { error: 'Use GET.' });
    if (path === '/healthz') return answer(200, { status: 'ok' });
    if (path !== '/readyz') return answer(404, { error: 'Ask for /healthz or /readyz.' });
    const body = report();
    answer(body.ready ? 200 : 503, body);
  };
}

const none: AsyncDisposable = { [Symbol.asyncDispose]: async () => {} };

/**
 * Listens for health checks on the address of the `health` setting, by plain HTTP, until disposed; does nothing where
 * the setting is left out. Beyond loopback only with `insecure`.
 * @throws CutpointError CUT_USAGE, CUT_INSECURE_BIND, CUT_BIND.
 */
export async function startHealth(
  { health, insecure }: Pick<EndpointSettings, 'health' | 'insecure'>,
  handler: RequestListener,
  log: Log,
): Promise<AsyncDisposable> {
  if (health === undefined) return none;
  const { hostname, port } = parseAddress(health);
  if (!isLoopback(hostname)) allowInsecure(insecure, `http://${health}`, log);
  const server = createServer({ requestTimeout: 5_000, headersTimeout: 5_000 }, handler);
  server.maxConnections = 64;
  await listen(server, port, bareHost(hostname));
  const address = server.address();
  log.info({ url: `http://${hostname}:${typeof address === 'object' ? address?.port : ''}` }, 'health');
  return { [Symbol.asyncDispose]: () => close(server) };
}

function parseAddress(address: string): { hostname: string; port: number } {
  const url = URL.canParse(`http://${address}`) ? new URL(`http://${address}`) : undefined;
  const [, port] = /:(\d{1,5})$/.exec(address) ?? [];
  if (url !== undefined && port !== undefined) return { hostname: url.hostname, port: Number(port) };
  throw new CutpointError('CUT_USAGE', `--health is "${address}", but must be host:port, for example 127.0.0.1:7402.`);
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      const message = `The health endpoint cannot listen on ${host}:${port}: ${messageOf(error)}. Choose another port.`;
      reject(new CutpointError('CUT_BIND', message, { cause: error }));
    });
    server.listen(port, host, resolve);
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
