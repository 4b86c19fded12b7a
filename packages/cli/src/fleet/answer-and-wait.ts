import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AdministrationRequest,
  administer,
  codeLifetimeMs,
  deviceId,
  type FleetId,
  type FleetServer,
  openFleetServer,
  ownHosts,
} from '@cutpoint/control';
import { type CancelSignal, CutpointError, throwIfCancelled } from '@cutpoint/core';
import { readHostPort } from '@cutpoint/daemon/client';
import { answerDevices } from './answer-devices.js';

/** A code as the server tells it. */
export interface MadeCode {
  readonly code: string;
  readonly fleet: string;
  readonly lifetimeMs: number;
  /** Where the device has to ask; left out while the server's machine has no address that others could use. */
  readonly url?: string;
}

export interface AnswerOptions {
  readonly folder: string;
  /** `host:port`. */
  readonly listen: string;
  readonly fleet: FleetId | undefined;
  readonly request: AdministrationRequest;
  readonly signal: CancelSignal;
  /** Is told the code and where to use it. */
  readonly show: (code: MadeCode) => void;
}

const lookEveryMs = 100;

/**
 * Where no server runs: makes a code and answers devices itself until one is paired.
 * @throws CutpointError CUT_PAIRING if the code was not used in time or was withdrawn; CUT_USAGE, CUT_BIND, CUT_CANCELLED
 */
export async function answerAndWait(
  options: AnswerOptions,
): Promise<{ readonly device: string; readonly fleet: string }> {
  const { host, port } = readHostPort('--listen', options.listen);
  using server = await openServer(options.folder, options.fleet);
  await using listener = await answerDevices(server, host, port);
  const before = new Map(server.store.devices.list().map(({ device, pairedAtMs }) => [device, pairedAtMs]));
  server.identities.places.pairing = listener.url;
  options.show((await administer(server, options.request)) as MadeCode);
  const endsAtMs = performance.now() + codeLifetimeMs;
  while (performance.now() < endsAtMs && (server.desk.isOpen || server.desk.isAnswering)) {
    throwIfCancelled(options.signal);
    await sleep(lookEveryMs);
  }
  const paired = server.store.devices.list().find(({ device, pairedAtMs }) => before.get(device) !== pairedAtMs);
  if (paired === undefined)
    throw new CutpointError(
      'CUT_PAIRING',
      'No device was paired: the code was not used in time, or wrong codes were tried.',
    );
  return { device: paired.device, fleet: server.identities.fleet };
}

/** Opens, or makes, the fleet of a state folder, with this machine as its server. */
function openServer(folder: string, fleet: FleetId | undefined): Promise<FleetServer> {
  return openFleetServer({ folder, fleet, device: deviceId.parse('server'), hosts: ownHosts() });
}
