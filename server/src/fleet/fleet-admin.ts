import type { DeviceId, Fleet, FleetId } from '@cutpoint/control';
import { version } from '@cutpoint/daemon';
import type { FleetAssignments } from '../deploy/rollout.js';
import type { RolloutStatus } from '../deploy/rollout-views.js';
import type { DeploymentView, FleetAdmin, RolloutView } from '../http/fleet-admin.js';
import { type FleetDeploysOptions, fleetDeploys } from './fleet-deploys.js';

/** How long a device may take to answer a question. */
const commandMs = 10_000;

export interface FleetAdminOptions extends Omit<FleetDeploysOptions, 'fleet'> {
  readonly name: FleetId;
  readonly fleet: Fleet;
  readonly files: FleetAdmin['files'];
  /** What an operator should know. */
  readonly notes: () => readonly string[];
}

/** A fleet as the admin API shows and changes it. */
export function fleetAdmin(options: FleetAdminOptions): FleetAdmin {
  const { name, fleet, files, deployer, notes, isRevoked } = options;
  const isThere = (device: DeviceId) => !isRevoked(device) && fleet.device(device)?.status === 'online';
  const counted = () => {
    // What a device runs is known of one that has not been heard since this server was started, too.
    const devices = [...new Set([...fleet.devices().map(({ device }) => device), ...deployer.active.keys()])];
    const revoked = devices.filter(isRevoked);
    const away = devices.filter((device) => !isThere(device) && !isRevoked(device));
    return { online: devices.length - away.length - revoked.length, offline: away.length, away, revoked };
  };
  return {
    devices: async () =>
      fleet.devices().map(({ statusMs, quietMs, addresses, ...device }) => ({
        ...device,
        ...(isRevoked(device.device) && { status: 'revoked' as const }),
        statusMs: Math.round(statusMs),
        quietMs: Math.round(quietMs),
        addresses: [...addresses],
      })),
    status: async () => ({
      version,
      fleet: name,
      devices: counted(),
      rollout: rolloutView(deployer.status, deployer.leftMs),
      deployments: deploymentsIn(deployer.active, isThere),
      notes: [...notes()],
    }),
    ...fleetDeploys(options),
    files,
    logs: ({ device, lines }) => fleet.command(device, { kind: 'logs', lines }, { budgetMs: commandMs }),
    figures: () => ({ devices: counted(), links: [] }),
  };
}

function rolloutView(status: RolloutStatus, leftMs: number | undefined): RolloutView {
  const { problem, waitingFor, devices, name, ...rest } = status;
  const { device, code, message } = problem ?? {};
  const why = code === undefined || message === undefined ? undefined : { ...(device && { device }), code, message };
  return {
    ...rest,
    ...(name !== undefined && { name }),
    ...(leftMs !== undefined && { leftMs }),
    waitingFor: [...waitingFor],
    devices: [...devices],
    ...(why && { problem: why }),
  };
}

/** What the active generation has, by deployment. */
function deploymentsIn(active: FleetAssignments, isThere: (device: DeviceId) => boolean): DeploymentView[] {
  const found = new Map<string, DeploymentView>();
  for (const [device, assignments] of active) {
    for (const { deployment, model, ladder } of assignments) {
      const { name, hash } = model;
      const view = found.get(deployment) ?? { name: deployment, model: { name, hash }, devices: [], begins: [] };
      const ways = ladder.map((rung) => ({ ...rung, there: rung.chain.every(isThere) }));
      const begins = ways.length === 0 ? [] : [{ device, there: isThere(device), ways }];
      found.set(deployment, {
        ...view,
        devices: [...view.devices, device].sort(),
        begins: [...view.begins, ...begins].sort((a, b) => (a.device < b.device ? -1 : 1)),
      });
    }
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}
