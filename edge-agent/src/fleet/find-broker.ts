import { createHash, X509Certificate } from 'node:crypto';
import {
  brokerUrl,
  chooseServer,
  type DeviceIdentity,
  type FindOptions,
  findServers,
  loadIdentity,
} from '@cutpoint/control';
import { CutpointError } from '@cutpoint/core';
import { findFleet, type Log, stateFolder } from '@cutpoint/daemon';
import type { AgentSettings } from '../settings.js';

/** Where a server on this machine has its broker unless told otherwise. */
const here = 'mqtt://127.0.0.1:7483';
const how = "the address of the fleet's broker with --fleet";

/**
 * The broker of the settings, or one that is found: for a paired device also where it is not asked for, as its server may
 * have another address by now. Undefined where nothing says that there is one.
 * @throws CutpointError what `findBroker` throws; CUT_USAGE, CUT_STORE for the identity
 */
export async function wantedBroker(
  { fleet, state }: Pick<AgentSettings, 'fleet' | 'state'>,
  log: Log,
): Promise<string | undefined> {
  if (fleet !== undefined && fleet !== findFleet) return fleet;
  const identity = loadIdentity(stateFolder('device', state));
  return fleet === undefined && identity === undefined ? undefined : await findBroker({ identity, log });
}

export interface FindBrokerOptions {
  /** What this device knows of its fleet; undefined if it is not paired. */
  readonly identity: DeviceIdentity | undefined;
  readonly log: Log;
  readonly search?: Pick<FindOptions, 'interface' | 'port' | 'listenMs' | 'connectMs' | 'signal'>;
  /** Where a device that is not paired looks first. */
  readonly local?: string;
}

/**
 * The broker of the fleet that this device is to join: where it was when the device was paired, or, where the server is
 * not there any more, where a server of that
 * fleet says that it is now. A device that is not paired joins a server on this machine alone.
 * @throws CutpointError CUT_UNPAIRED if there is a server, but elsewhere; CUT_UNREACHABLE, CUT_USAGE
 */
export async function findBroker(options: FindBrokerOptions): Promise<string> {
  const { identity } = options;
  return identity === undefined ? await brokerHere(options) : await brokerOfFleet(identity, options);
}

async function brokerOfFleet(identity: DeviceIdentity, { log, search }: FindBrokerOptions): Promise<string> {
  const known = brokerUrl(identity);
  const { fleet } = identity;
  // Not the broker, which would log a client that says nothing.
  const urls = [identity.server];
  const { servers, tried } = await findServers({ ...search, urls, fleet, authority: hashOf(identity) });
  const moved = servers.find(({ announcement }) => announcement?.mqtt !== undefined);
  if (moved?.announcement?.mqtt !== undefined) {
    const url = `mqtts://${new URL(moved.url).hostname}:${moved.announcement.mqtt}`;
    log.info({ broker: url, before: known }, 'found the server of this fleet elsewhere');
    return url;
  }
  // It may come back: the connection tries for as long as the agent runs.
  if (servers.length === 0) log.warn({ tried }, 'found no server of this fleet; goes on looking where it was');
  return known;
}

async function brokerHere({ search, local = here }: FindBrokerOptions): Promise<string> {
  const found = await chooseServer({ ...search, urls: [local], how });
  if (found.source === 'static') return local;
  const { fleet, device } = found.announcement ?? {};
  throw new CutpointError(
    'CUT_UNPAIRED',
    `${device} of the fleet ${fleet} is at ${found.url}, but this device is not paired: run \`cutpoint pair --new\` there, and here \`cutpoint pair\` with the code that it shows.`,
  );
}

/** As servers announce it. */
function hashOf({ authority }: DeviceIdentity): string {
  return createHash('sha256').update(new X509Certificate(authority).raw).digest('hex');
}
