import { join } from 'node:path';
import {
  ContentStore,
  type DeviceId,
  deviceId,
  type FleetId,
  fleetId,
  newSession,
  openBroker,
  openConnection,
  openStore,
  willOf,
} from '@cutpoint/control';
import { CutpointError } from '@cutpoint/core';
import {
  checkBrokerAddress,
  type Daemon,
  isLoopback,
  type Log,
  type OpenResources,
  type RecentLines,
  segmentOptionsOf,
  startDaemon,
} from '@cutpoint/daemon';
import { addressesToAnnounce, joinFleet, runCommands } from '@cutpoint/fleet';
import { openHttp } from '../http/open-http.js';
import type { ServerSettings } from '../settings.js';
import { contentRoutes } from './content-routes.js';
import { fleetAdmin } from './fleet-admin.js';
import { FleetModels } from './fleet-models.js';
import { leadFleet } from './lead-fleet.js';

const httpByDefault = '127.0.0.1:7480';
const unpaired = 'Devices are not paired: every program on this machine may join under any name.';

/**
 * Leads a fleet until closed: opens its state in a folder, a broker (or uses that of `broker`), and the HTTP API.
 * @throws CutpointError CUT_STORE, CUT_FILE_WRITE, CUT_BIND, CUT_INSECURE_BIND, CUT_USAGE
 */
export async function startFleetServer(
  settings: ServerSettings,
  folder: string,
  { log, recent }: { log: Log; recent?: RecentLines },
): Promise<Daemon> {
  const fleet = fleetId.parse(settings.fleetName);
  const device = deviceId.parse(settings.name);
  let announce = (_url: string): void => {};
  const daemon = await startDaemon(settings, log, async (opened) => {
    const store = openStore(folder);
    opened.add({ [Symbol.asyncDispose]: async () => store[Symbol.dispose]() });
    const content = await ContentStore.open({ folder: join(folder, 'content'), maxBytes: settings.cacheMb * 1e6 });
    const session = newSession();
    const onProblem = ({ code, message }: CutpointError) => log.warn({ code }, message);
    const address = await brokerOf(settings, fleet, device, { opened, log });
    const will = willOf(fleet, device, session);
    const { maxBackoffMs, connectTimeoutMs, timeoutMs } = settings;
    const connection = opened.add(openConnection({ ...address, will, maxBackoffMs, connectTimeoutMs, onProblem }));
    let contentUrls: readonly string[] = [];
    const lead = leadFleet(opened, {
      connection,
      fleet,
      store,
      content,
      contentUrls: () => contentUrls,
      sign: async () => undefined,
      log,
    });
    const joined = await joinFleet(opened, {
      connection,
      fleet,
      device,
      session,
      role: 'server',
      store: content,
      folder: join(folder, 'deployed'),
      segmentOptions: segmentOptionsOf(settings),
      maxInFlight: settings.maxRequests,
      timeoutMs,
      connectTimeoutMs,
      maxBackoffMs,
      onCommand: runCommands({ recent, content: undefined }),
      log,
    });
    announce = (url) => joined.announce(url);
    const health = () => ({ ...joined.health(), devices: lead.view.devices().length });
    const notes = () => (address.url.startsWith('mqtts:') ? [] : [unpaired]);
    const { service, links } = joined;
    const active = () => lead.deployer.active;
    const isThere = (other: DeviceId) => lead.view.device(other)?.status === 'online';
    const models = new FleetModels({ device, isThere, service, links, active });
    const admin = fleetAdmin(fleet, lead.view, notes);
    const extend = contentRoutes(content, log);
    const http = await openHttp(settings.http ?? httpByDefault, settings, {
      models,
      health,
      fleet: admin,
      extend,
      log,
    });
    opened.add(http);
    const loopback = isLoopback(new URL(connection.url).hostname);
    contentUrls = addressesToAnnounce(http.url, { loopback });
    lead.peers.changed();
    log.info({ fleet, device, broker: address.url, folder }, 'fleet');
    for (const note of notes()) log.info(note);
    return { name: 'cutpoint-server', handler: joined.handler, health };
  });
  announce(daemon.url);
  return daemon;
}

/** The broker of the settings, or one in this process, with the name and password that this server has there. */
async function brokerOf(
  { broker: url, mqtt, insecure }: ServerSettings,
  fleet: FleetId,
  device: DeviceId,
  { opened, log }: { opened: OpenResources; log: Log },
): Promise<{ url: string; device: string; password?: string }> {
  if (url !== undefined) {
    checkBrokerAddress(url, insecure, log);
    return { url, device };
  }
  const { hostname, port, protocol } = new URL(mqtt);
  if (protocol === 'mqtts:') {
    throw new CutpointError('CUT_USAGE', '--mqtt with mqtts needs a paired fleet; use mqtt://127.0.0.1:7483.');
  }
  const broker = opened.add(
    await openBroker({
      fleet,
      listen: { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port) },
      onRefused: ({ error: { code, message }, address, device: name, untold }) =>
        log.warn({ code, address, device: name, ...(untold > 0 ? { untold } : {}) }, message),
    }),
  );
  return { url: broker.url, device, password: broker.serverPassword };
}
