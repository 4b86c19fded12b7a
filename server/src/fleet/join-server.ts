import { join } from 'node:path';
import { ContentStore, deviceId, fleetId, newSession, openConnection, willOf } from '@cutpoint/control';
import type { CutpointError } from '@cutpoint/core';
import {
  checkBrokerAddress,
  type Daemon,
  type Log,
  type RecentLines,
  segmentOptionsOf,
  startDaemon,
  stateFolder,
} from '@cutpoint/daemon';
import { joinFleet, runCommands } from '@cutpoint/fleet';
import { openHttp } from '../http/open-http.js';
import type { ServerSettings } from '../settings.js';
import { FleetModels } from './fleet-models.js';

/**
 * Joins a fleet that another server leads, until closed: it runs what is deployed to it, for devices and, with `http`, for
 * callers over HTTP.
 * @throws CutpointError CUT_BIND, CUT_INSECURE_BIND, CUT_USAGE, CUT_FILE_WRITE
 */
export async function startJoinedServer(
  settings: ServerSettings,
  url: string,
  { log, recent }: { log: Log; recent?: RecentLines },
): Promise<Daemon> {
  checkBrokerAddress(url, settings.insecure, log);
  const fleet = fleetId.parse(settings.fleetName);
  const device = deviceId.parse(settings.name);
  const folder = stateFolder('device', settings.state);
  let announce = (_url: string): void => {};
  const daemon = await startDaemon(settings, log, async (opened) => {
    const session = newSession();
    const onProblem = ({ code, message }: CutpointError) => log.warn({ code }, message);
    const { maxBackoffMs, connectTimeoutMs, timeoutMs, http } = settings;
    const will = willOf(fleet, device, session);
    const connection = opened.add(openConnection({ url, device, will, maxBackoffMs, connectTimeoutMs, onProblem }));
    connection.onUp(() => log.info({ broker: url, fleet, device }, 'joined'));
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
      segmentOptions: segmentOptionsOf(settings),
      maxInFlight: settings.maxRequests,
      timeoutMs,
      connectTimeoutMs,
      maxBackoffMs,
      onCommand: runCommands({ recent, content: store }),
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
    return { name: 'cutpoint-server', handler: joined.handler, health };
  });
  announce(daemon.url);
  return daemon;
}
