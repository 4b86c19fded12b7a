import {
  type BrokerConnection,
  type DeviceId,
  deviceId,
  Fleet,
  type FleetId,
  factsOfThisDevice,
  fleetId,
  newSession,
  openBroker,
  openConnection,
  openProcessMeter,
  openStore,
  startMember,
  willOf,
} from '@cutpoint/control';
import { CutpointError } from '@cutpoint/core';
import {
  checkBrokerAddress,
  type Daemon,
  type Log,
  type OpenResources,
  type RecentLines,
  startDaemon,
  version,
} from '@cutpoint/daemon';
import { runCommands } from '@cutpoint/fleet';
import { answerProbe, probeMethod, type RequestHandler } from '@cutpoint/wire';
import type { Models } from '../http/models.js';
import { openHttp } from '../http/open-http.js';
import type { ServerSettings } from '../settings.js';
import { fleetAdmin } from './fleet-admin.js';

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
  const requests = { done: 0, failed: 0, underWay: 0 };
  let announce = (_addresses: readonly string[]): void => {};
  const daemon = await startDaemon(settings, log, async (opened) => {
    const store = openStore(folder);
    opened.add({ [Symbol.asyncDispose]: async () => store[Symbol.dispose]() });
    const session = newSession();
    const onProblem = ({ code, message }: CutpointError) => log.warn({ code }, message);
    const address = await brokerOf(settings, fleet, device, { opened, log });
    const will = willOf(fleet, device, session);
    const connection = opened.add(openConnection({ ...address, will, onProblem }));
    const view = opened.add(new Fleet(connection, { fleet, onProblem }));
    logChanges(view, log);
    const meter = openProcessMeter();
    const member = startMember(connection, {
      fleet,
      device,
      session,
      role: 'server',
      addresses: [],
      facts: factsOfThisDevice(version),
      measure: () => ({ ...meter(), requests, links: [] }),
      onDesired: ({ generation }) => log.warn({ generation }, 'something is deployed to this server, which it ignores'),
      onCommand: runCommands({ recent, content: undefined }),
      onProblem,
    });
    announce = (addresses) => member.announce(addresses);
    opened.add(member);
    const health = () => healthOf(connection, view);
    const notes = () => (address.url.startsWith('mqtts:') ? [] : [unpaired]);
    const admin = fleetAdmin(fleet, view, notes);
    opened.add(
      await openHttp(settings.http ?? httpByDefault, settings, { models: noModels, health, fleet: admin, log }),
    );
    log.info({ fleet, device, broker: address.url, folder }, 'fleet');
    for (const note of notes()) log.info(note);
    return { name: 'cutpoint-server', handler: probeOnly, health };
  });
  announce([daemon.url]);
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

function logChanges(view: Fleet, log: Log): void {
  view.watch(({ kind, device }) => {
    const now = view.device(device);
    if (kind === 'status' && now !== undefined) log.info({ device, status: now.status, role: now.role }, 'device');
  });
}

function healthOf(connection: BrokerConnection, view: Fleet) {
  const devices = view.devices().length;
  return { ready: connection.connected, broker: connection.connected ? 'connected' : 'away', devices };
}

const noModels: Models = {
  list: () => [],
  infer: async (name) => {
    throw new CutpointError('CUT_NOT_FOUND', `No model "${name}" is deployed in this fleet.`);
  },
};

const probeOnly: RequestHandler = async ({ method, meta }) => {
  if (method === probeMethod) return answerProbe({ meta });
  throw new CutpointError('CUT_NOT_FOUND', `Nothing is deployed to this server: it cannot answer "${method}".`);
};
