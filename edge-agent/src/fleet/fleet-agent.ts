import { CutpointError } from '@cutpoint/core';
import { type Daemon, isEncrypted, isLoopback, type Log, type RecentLines, startDaemon } from '@cutpoint/daemon';
import { type Membership, membershipOf, openDevice } from '@cutpoint/fleet';
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
  const listen = fleetListen(settings, membership);
  const paired = membership.identity !== undefined;
  let announce = (_url: string): void => {};
  const daemon = await startDaemon({ ...settings, paired }, log, async (opened) => {
    const { maxInFlight } = settings;
    const device = await openDevice(opened, { membership, role: 'agent', settings, maxInFlight, listen, recent, log });
    announce = (at) => device.announce(at);
    return { name: 'cutpoint-agent', handler: device.handler, health: () => device.health(), fleet: device.guard };
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
