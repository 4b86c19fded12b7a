import { listen, type RequestHandler } from '@cutpoint/wire';
import { type Endpoint, openEndpoint } from './endpoint.js';
import type { EndpointSettings } from './endpoint-settings.js';
import { type HealthReport, healthHandler, startHealth } from './health.js';
import type { Daemon } from './lifetime.js';
import type { Log } from './log.js';
import { logRequests } from './log-requests.js';
import { OpenResources } from './open-resources.js';

/** What a daemon serves, and as whom. */
export interface Service {
  /** How it introduces itself to callers. */
  readonly name: string;
  readonly handler: RequestHandler;
  /** What /readyz says; `ready` counts only while the daemon listens. */
  readonly health: () => HealthReport;
}

/**
 * Checks the address, opens the service, and listens for requests and health checks until closed. Whatever `open`
 * adds to `opened` is closed with the daemon, or at once if it cannot start.
 * @throws CutpointError CUT_BIND, CUT_INSECURE_BIND, CUT_USAGE, CUT_FILE_NOT_FOUND, CUT_TLS, and what `open` throws.
 */
export async function startDaemon(
  settings: EndpointSettings,
  log: Log,
  open: (opened: OpenResources) => Promise<Service>,
): Promise<Daemon> {
  const endpoint = await openEndpoint(settings, log);
  const opened = new OpenResources();
  try {
    return await serve(settings, { endpoint, service: await open(opened), opened, log });
  } catch (thrown) {
    await opened.close();
    throw thrown;
  }
}

interface Parts {
  readonly endpoint: Endpoint;
  readonly service: Service;
  readonly opened: OpenResources;
  readonly log: Log;
}

async function serve(settings: EndpointSettings, { endpoint, service, opened, log }: Parts): Promise<Daemon> {
  let listening = false;
  const onHttp = healthHandler(() => {
    const report = service.health();
    return { ...report, ready: report.ready && listening };
  });
  opened.add(await startHealth(settings, onHttp, log));
  const listener = await listen({
    ...endpoint,
    handler: logRequests(service.handler, log),
    limits: { maxRequests: settings.maxRequests },
    hello: { name: service.name, capabilities: [] },
    onHttp,
    onError: ({ code, message }, remote, address) => log.warn({ code, remote: remote?.name, address }, message),
  });
  opened.add({ [Symbol.asyncDispose]: () => listener.close({ graceMs: settings.graceMs }) });
  listening = true;
  const { url } = listener;
  log.info({ url }, 'ready');
  const close = () => {
    listening = false;
    return opened.close();
  };
  return { url, close };
}
