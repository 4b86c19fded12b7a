import { join } from 'node:path';
import { ContentStore, newSession, openConnection, willOf } from '@cutpoint/control';
import type { CutpointError } from '@cutpoint/core';
import { type Daemon, type Log, type RecentLines, segmentOptionsOf, startDaemon } from '@cutpoint/daemon';
import { DeviceSecurity, joinFleet, membershipOf, runCommands } from '@cutpoint/fleet';
import { openHttp } from '../http/open-http.js';
import type { ServerSettings } from '../settings.js';
import { FleetModels } from './fleet-models.js';

/**
 * Joins a fleet that another server leads, until closed: it runs what is deployed to it, for devices and, with `http`, for
 * callers over HTTP.
 * @throws CutpointError CUT_BIND, CUT_INSECURE_BIND, CUT_USAGE, CUT_FILE_WRITE, CUT_UNPAIRED
 */
export async function startJoinedServer(
  settings: ServerSettings,
  url: string,
  { log, recent }: { log: Log; recent?: RecentLines },
): Promise<Daemon> {
  const { fleet, device, identity, folder } = membershipOf(url, settings, log);
  let announce = (_url: string): void => {};
  const daemon = await startDaemon({ ...settings, paired: identity !== undefined }, log, async (opened) => {
    const session = newSession();
    const onProblem = ({ code, message }: CutpointError) => log.warn({ code }, message);
    const { maxBackoffMs, connectTimeoutMs, timeoutMs, http } = settings;
    const will = willOf(fleet, device, session);
    const security = identity && opened.add(new DeviceSecurity({ identity, folder, log }));
    const tls = security && (() => security.serverTls());
    const common = { maxBackoffMs, connectTimeoutMs, onProblem };
    const connection = opened.add(openConnection({ url, device, will, ...common, ...(tls && { tls }) }));
    connection.onUp(() => {
      log.info({ broker: url, fleet, device }, 'joined');
      security?.retry();
    });
    connection.onDown(() => log.warn({ broker: url }, 'lost the broker'));
    const store = await ContentStore.open({ folder: join(folder, 'content'), maxBytes: settings.cacheMb * 1e6 });
    const joined = await joinFleet(opened, {
      connection,
      fleet,
      device,
      session,
      role: 'server',
      store,
      folder: join(folder, 'deployed'),
      remembered: join(folder, 'acting.json'),
      segmentOptions: segmentOptionsOf(settings),
      maxInFlight: settings.maxRequests,
      timeoutMs,
      connectTimeoutMs,
      maxBackoffMs,
      ...(security && {
        tlsFor: (other) => security.tlsFor(other),
        contentTls: () => security.serverTls(),
        verify: (desired) => security.verify(desired),
      }),
      onCommand: runCommands({ recent, content: store, ...(security && { checkIdentity: () => security.check() }) }),
      log,
    });
    announce = (at) => joined.announce(at);
    const health = () => joined.health();
    if (http !== undefined) {
      const { service, links } = joined;
      // It knows of no other device where requests begin: that is the leading server's to know.
      const active = () => new Map([[device, service.models]]);
      const models = new FleetModels({ device, isThere: () => false, service, links, active });
      opened.add(await openHttp(http, settings, { models, health, log }));
    }
    return { name: 'cutpoint-server', handler: joined.handler, health, fleet: security?.wire };
  });
  announce(daemon.url);
  return daemon;
}
