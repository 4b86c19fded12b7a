import { hostname } from 'node:os';
import { join } from 'node:path';
import { ContentStore, deviceId, fleetId, newSession, openConnection, willOf } from '@cutpoint/control';
import { CutpointError } from '@cutpoint/core';
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
import type { AgentSettings } from '../settings.js';

/**
 * Joins a fleet and stays in it until closed: it announces itself, beats, and says what it was told to run. The server may
 * come later, or go and come back.
 * @throws CutpointError CUT_BIND, CUT_INSECURE_BIND, CUT_USAGE
 */
export async function startFleetAgent(
  settings: AgentSettings,
  url: string,
  { log, recent }: { log: Log; recent?: RecentLines },
): Promise<Daemon> {
  checkBrokerAddress(url, settings.insecure, log);
  const fleet = fleetId.parse(settings.fleetName);
  const device = deviceId.parse(settings.name ?? nameOfThisHost());
  const folder = stateFolder('device', settings.state);
  let announce = (_url: string): void => {};
  const daemon = await startDaemon(settings, log, async (opened) => {
    const session = newSession();
    const onProblem = ({ code, message }: CutpointError) => log.warn({ code }, message);
    const { maxBackoffMs, connectTimeoutMs, maxInFlight, timeoutMs } = settings;
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
      role: 'agent',
      store,
      folder: join(folder, 'deployed'),
      segmentOptions: segmentOptionsOf(settings),
      maxInFlight,
      timeoutMs,
      connectTimeoutMs,
      maxBackoffMs,
      onCommand: runCommands({ recent, content: store }),
      log,
    });
    announce = (at) => joined.announce(at);
    if (!url.startsWith('mqtts:')) log.info({ broker: url }, 'joins without being paired');
    return { name: 'cutpoint-agent', handler: joined.handler, health: () => joined.health() };
  });
  announce(daemon.url);
  return daemon;
}

/** The name of the machine, as names of devices are written. */
export function nameOfThisHost(): string {
  const name = hostname()
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .slice(0, 63)
    .replace(/^-+|-+$/g, '');
  if (name !== '') return name;
  throw new CutpointError('CUT_USAGE', `The name of this machine, "${hostname()}", cannot be used: give --name.`);
}
