import type { CutpointError } from '@cutpoint/core';
import { type Listener, type ListenOptions, listen, type RequestHandler, type ServerTls } from '@cutpoint/wire';
import { type Endpoint, isEncrypted, openEndpoint } from './endpoint.js';
import type { EndpointSettings } from './endpoint-settings.js';
import { fewOfAFlood } from './few-of-a-flood.js';
import { fewRepeats } from './few-repeats.js';
import { type HealthReport, healthHandler, startHealth } from './health.js';
import { hostOf } from './host-of.js';
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
  /** How long a caller may be silent before it counts as lost. Default: as on every wire. */
  readonly silenceMs?: number;
  /** In a fleet: what guards addresses that are encrypted. */
  readonly fleet?: FleetGuard | undefined;
}

/** The certificates of a fleet, for a daemon that listens. */
export interface FleetGuard {
  readonly tls: ServerTls;
  /** A further address to listen on, for devices of the fleet alone; it must be encrypted. */
  readonly listen?: string | undefined;
  /** A listener is up that shows the certificate: it has to hear of renewals and revocations. */
  readonly onListening: (listener: Listener) => void;
}

export type StartSettings = EndpointSettings & {
  /** The service will say what guards it (`fleet`): no files are needed for that. */
  readonly paired?: boolean;
};

/**
 * Checks the address, opens the service, and listens for requests and health checks until closed. Whatever `open`
 * adds to `opened` is closed with the daemon, or at once if it cannot start.
 * @throws CutpointError CUT_BIND, CUT_INSECURE_BIND, CUT_USAGE, CUT_FILE_NOT_FOUND, CUT_TLS, and what `open` throws.
 */
export async function startDaemon(
  settings: StartSettings,
  log: Log,
  open: (opened: OpenResources) => Promise<Service>,
): Promise<Daemon> {
  const endpoint = await openEndpoint(settings, log, settings.paired);
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
  const { fleet } = service;
  const onError = connectionErrors(log);
  const listeners: Listener[] = [];
  const closeAll = () => Promise.all(listeners.map((listener) => listener.close({ graceMs: settings.graceMs })));
  opened.add({ [Symbol.asyncDispose]: async () => void (await closeAll()) });
  const open = async (at: Endpoint): Promise<Listener> => {
    const listener = await listen({
      ...at,
      handler: logRequests(service.handler, log),
      limits: {
        maxRequests: settings.maxRequests,
        ...(service.silenceMs !== undefined && { silenceMs: service.silenceMs }),
      },
      hello: { name: service.name, capabilities: [] },
      onHttp,
      onError,
    });
    listeners.push(listener);
    return listener;
  };
  const guard = fleet !== undefined && isEncrypted(endpoint.url) ? fleet : undefined;
  const listener = await open(guard === undefined ? endpoint : { ...endpoint, tls: guard.tls });
  guard?.onListening(listener);
  const further = fleet?.listen === undefined ? undefined : await open({ url: fleet.listen, tls: fleet.tls });
  if (further !== undefined) {
    fleet?.onListening(further);
    log.info({ url: further.url }, 'ready for the fleet');
  }
  listening = true;
  const { url } = listener;
  log.info({ url }, 'ready');
  const close = () => {
    listening = false;
    return opened.close();
  };
  return { url, fleetUrl: further?.url ?? url, close };
}

/** What one host repeats is told once a minute; and of what strangers do, only some of a flood. */
function connectionErrors(log: Log): NonNullable<ListenOptions['onError']> {
  type What = [CutpointError, string | undefined, string | undefined];
  const tell = (untold: number, { code, message }: CutpointError, remote?: string, address?: string): void => {
    const more = untold > 0 ? { untold } : {};
    log.warn({ code, ...(remote === undefined ? {} : { remote }), address, ...more }, message);
  };
  const ofStranger = fewOfAFlood<[number, ...What]>((untold, repeats, ...what) => tell(untold + repeats, ...what));
  const few = fewRepeats<What>(
    (repeats, error, remote, address) =>
      remote === undefined ? ofStranger(repeats, error, remote, address) : tell(repeats, error, remote, address),
    { kindOf: ({ code, message }, remote, address) => `${code} ${remote} ${hostOf(address ?? '')} ${message}` },
  );
  return (error, remote, address) => few(error, remote?.name, address);
}
