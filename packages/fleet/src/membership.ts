import { hostname } from 'node:os';
import {
  brokerUrl,
  type DeviceId,
  type DeviceIdentity,
  deviceId,
  type FleetId,
  fleetId,
  loadIdentity,
} from '@cutpoint/control';
import { CutpointError } from '@cutpoint/core';
import { checkBrokerAddress, type Log, stateFolder } from '@cutpoint/daemon';

/** As whom this device joins which fleet. */
export interface Membership {
  /** Of the broker. */
  readonly url: string;
  readonly fleet: FleetId;
  readonly device: DeviceId;
  /** Undefined for a device that is not paired. */
  readonly identity: DeviceIdentity | undefined;
  /** Where this device keeps its key, and what is deployed to it. */
  readonly folder: string;
}

/** What a daemon was told about the fleet that it joins. */
export interface MembershipSettings {
  readonly fleetName?: string | undefined;
  readonly name?: string | undefined;
  readonly state?: string | undefined;
  readonly insecure: boolean;
}

/**
 * Finds out as whom to join: as its pairing says, or, by an address without encryption, under the name of the settings.
 * @param wanted address of the broker; default: what this device was told when it was paired
 * @throws CutpointError CUT_USAGE if nothing says which fleet, or names disagree; CUT_UNPAIRED, CUT_INSECURE_BIND, CUT_STORE
 */
export function membershipOf(wanted: string | undefined, settings: MembershipSettings, log: Log): Membership {
  const { state, insecure } = settings;
  const folder = stateFolder('device', state);
  if (wanted !== undefined && !wanted.startsWith('mqtts:')) {
    checkBrokerAddress(wanted, insecure, log);
    const fleet = fleetId.parse(settings.fleetName ?? 'home');
    const device = deviceId.parse(settings.name ?? nameOfThisHost());
    return { url: wanted, fleet, device, identity: undefined, folder };
  }
  const identity = loadIdentity(folder);
  if (identity === undefined) throw notPaired(wanted, folder);
  const { fleet, device } = identity;
  checkNames(settings, identity);
  return { url: wanted ?? brokerUrl(identity), fleet, device, identity, folder };
}

function notPaired(wanted: string | undefined, folder: string): CutpointError {
  const how = 'run cutpoint pair --new on the server, then cutpoint pair URL CODE here';
  if (wanted === undefined) {
    const message = `Give a model, or the address of a fleet's broker by --fleet, or pair this device (${how}): nothing says so in ${folder}.`;
    return new CutpointError('CUT_USAGE', message);
  }
  const message = `${wanted} takes paired devices alone, and this one is not: ${how} (the key would be in ${folder}).`;
  return new CutpointError('CUT_UNPAIRED', message);
}

function checkNames({ fleetName, name }: MembershipSettings, { fleet, device }: DeviceIdentity): void {
  const given = [
    { flag: '--name', value: name, own: device },
    { flag: '--fleet-name', value: fleetName, own: fleet },
  ];
  for (const { flag, value, own } of given) {
    if (value === undefined || value === own) continue;
    const message = `${flag} is ${value}, but this device was paired as ${device} of the fleet ${fleet}: leave it out, or pair it again.`;
    throw new CutpointError('CUT_USAGE', message);
  }
}

/** The name of the machine, as names of devices are written. */
function nameOfThisHost(): string {
  const name = hostname()
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .slice(0, 63)
    .replace(/^-+|-+$/g, '');
  if (name !== '') return name;
  throw new CutpointError('CUT_USAGE', `The name of this machine, "${hostname()}", cannot be used: give --name.`);
}
