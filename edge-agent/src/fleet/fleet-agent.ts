import { join } from 'node:path';
import { ContentStore, newSession, openConnection, willOf } from '@cutpoint/control';
import { CutpointError } from '@cutpoint/core';
import {
  type Daemon,
  isEncrypted,
  isLoopback,
  type Log,
  type RecentLines,
  segmentOptionsOf,
  startDaemon,
} from '@cutpoint/daemon';
import { DeviceSecurity, joinFleet, type Membership, membershipOf, runCommands } from '@cutpoint/fleet';
import type { AgentSettings } from '../settings.js';
import { wantedBroker } from './find-broker.js';

const fleetPort = 7402;

/**
 * Joins a fleet and stays in it until closed: it announces itself, beats, and says what it was told to run. The server may
 * come later, or go and come back. A device that is paired says by its certificate who it is, and listens for other devices
 * beside those who ask on this machine.
 * @throws CutpointError CUT_BIND, CUT_INSECURE_BIND, CUT_USAGE, CUT_UNPAIRED, CUT_STORE, CUT_UNREACHABLE
 */
export async function startFleetAgent(
  settings: AgentSettings,
  { log, recent }: { log: Log; recent?: RecentLines },
): Promise<Daemon> {
  const membership = membershipOf(await wantedBroker(settings, log), settings, log);
  const { url, fleet, device, identity, folder } = membership;
  const listen = fleetListen(settings, membership);
  let announce = (_url: string): void => {};
  const daemon = await startDaemon({ ...settings, paired: identity !== undefined }, log, async (opened) => {
    const session = newSession();
    const onProblem = ({ code, message }: CutpointError) => log.warn({ code }, message);
    const { maxBackoffMs, connectTimeoutMs, maxInFlight, timeoutMs } = settings;
    const will = willOf(fleet, device, session);
    const security = identity && opened.add(new DeviceSecurity({ identity, folder, listen, log }));
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
      role: 'agent',
      store,
      folder: join(folder, 'deployed'),
      remembered: join(folder, 'acting.json'),
      segmentOptions: segmentOptionsOf(settings),
      maxInFlight,
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
    if (security === undefined) log.info({ broker: url }, 'joins without being paired');
    return { name: 'cutpoint-agent', handler: joined.handler, health: () => joined.health(), fleet: security?.wire };
  });
  announce(daemon.fleetUrl);
  return daemon;
}

/** Where other devices reach this one: on loopback alone, where the whole fleet is on this machine. */
function fleetListen({ fleetListen: given }: AgentSettings, { url }: Membership): string {
  if (given === undefined) return `wss://${isLoopback(new URL(url).hostname) ? '127.0.0.1' : '0.0.0.0'}:${fleetPort}`;
  if (isEncrypted(given)) return given;
  throw new CutpointError('CUT_USAGE', `--fleet-listen is "${given}", but must be encrypted: use wss:// or tcps://.`);
}
