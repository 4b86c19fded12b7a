import { hostname } from 'node:os';
import {
  type AdministrationRequest,
  administer,
  askLocally,
  deviceId,
  type FleetId,
  type FleetServer,
  openFleetFolder,
  openFleetServer,
  ownHosts,
} from '@cutpoint/control';
import type { CancelSignal } from '@cutpoint/core';

/** Asks the server that runs on a state folder; where none does, does it on the folder itself. */
export async function askServer(folder: string, request: AdministrationRequest, signal: CancelSignal): Promise<object> {
  const answer = await askLocally(folder, request, signal);
  if (answer !== undefined) return answer;
  using fleet = await openFleetFolder({ folder });
  return await administer(fleet, request);
}

/** Opens, or makes, the fleet of a state folder, with this machine as its server. */
export function openServer(folder: string, fleet: FleetId | undefined): Promise<FleetServer> {
  return openFleetServer({ folder, fleet, device: deviceId.parse('server'), hosts: ownHosts() });
}

/** A device name out of this machine's own. Undefined if nothing of it can stand in one. */
export function ownName(): string | undefined {
  const name = hostname()
    .toLowerCase()
    .split('.', 1)[0]
    ?.replace(/[^a-z0-9-]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 63);
  return name === '' ? undefined : name;
}
