import { type Daemon, type Log, type RecentLines, startDaemon } from '@cutpoint/daemon';
import { membershipOf, openDevice } from '@cutpoint/fleet';
import { serveModels } from '../http/serve-models.js';
import type { ServerSettings } from '../settings.js';
import { fleetAddresses } from './fleet-addresses.js';
import { FleetModels } from './fleet-models.js';

/**
 * Joins a fleet that another server leads, until closed: it runs what is deployed to it, for devices and, with `http`, for
 * callers over HTTP.
 * @throws CutpointError CUT_BIND, CUT_INSECURE_BIND, CUT_USAGE, CUT_FILE_WRITE, CUT_UNPAIRED, CUT_STORE
 */
export async function startJoinedServer(
  settings: ServerSettings,
  url: string,
  { log, recent }: { log: Log; recent?: RecentLines },
): Promise<Daemon> {
  const membership = membershipOf(url, settings, log);
  const { listen } = fleetAddresses(settings);
  const paired = membership.identity !== undefined;
  let announce = (_url: string): void => {};
  const daemon = await startDaemon({ ...settings, listen, paired }, log, async (opened) => {
    const maxInFlight = settings.maxRequests;
    const own = await openDevice(opened, { membership, role: 'server', settings, maxInFlight, recent, log });
    announce = (at) => own.announce(at);
    const health = () => own.health();
    if (settings.http !== undefined) {
      const { service, links } = own;
      const { device } = membership;
      // It knows of no other device where requests begin: that is the leading server's to know.
      const active = () => new Map([[device, service.models]]);
      const models = new FleetModels({ device, isThere: () => false, service, links, active });
      opened.add(await serveModels(settings.http, settings, { models, health, log }));
    }
    return { name: 'cutpoint-server', handler: own.handler, health, fleet: own.guard };
  });
  announce(daemon.fleetUrl);
  return daemon;
}
