import { hostname } from 'node:os';
import {
  deviceId,
  factsOfThisDevice,
  fleetId,
  newSession,
  openConnection,
  openProcessMeter,
  startMember,
  willOf,
} from '@cutpoint/control';
import { CutpointError } from '@cutpoint/core';
import { checkBrokerAddress, type Daemon, type Log, type RecentLines, startDaemon, version } from '@cutpoint/daemon';
import { runCommands } from '@cutpoint/fleet';
import { answerProbe, probeMethod, type RequestHandler } from '@cutpoint/wire';
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
  const requests = { done: 0, failed: 0, underWay: 0 };
  let announce = (_addresses: readonly string[]): void => {};
  const daemon = await startDaemon(settings, log, async (opened) => {
    const session = newSession();
    const onProblem = ({ code, message }: CutpointError) => log.warn({ code }, message);
    const { maxBackoffMs, connectTimeoutMs } = settings;
    const will = willOf(fleet, device, session);
    const connection = opened.add(openConnection({ url, device, will, maxBackoffMs, connectTimeoutMs, onProblem }));
    connection.onUp(() => log.info({ broker: url, fleet, device }, 'joined'));
    connection.onDown(() => log.warn({ broker: url }, 'lost the broker'));
    const meter = openProcessMeter();
    const member = startMember(connection, {
      fleet,
      device,
      session,
      role: 'agent',
      addresses: [],
      facts: factsOfThisDevice(version),
      measure: () => ({ ...meter(), requests, links: [] }),
      onDesired: ({ generation, assignments }) => log.info({ generation, assignments: assignments.length }, 'desired'),
      onCommand: runCommands({ recent, content: undefined }),
      onLease: (held) => log.info({ held }, 'lease'),
      onProblem,
    });
    announce = (addresses) => member.announce(addresses);
    opened.add(member);
    if (!url.startsWith('mqtts:')) log.info({ broker: url }, 'joins without being paired');
    const health = () => {
      const broker = connection.connected ? ('connected' as const) : ('away' as const);
      return { ready: connection.connected, broker, leased: member.leased };
    };
    return { name: 'cutpoint-agent', handler: probeOnly, health };
  });
  announce([daemon.url]);
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

const probeOnly: RequestHandler = async ({ method, meta }) => {
  if (method === probeMethod) return answerProbe({ meta });
  throw new CutpointError('CUT_NOT_FOUND', `Nothing is deployed to this agent: it cannot answer "${method}".`);
};
