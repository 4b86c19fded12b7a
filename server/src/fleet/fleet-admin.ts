import { type Fleet, type FleetId, generation } from '@cutpoint/control';
import { CutpointError } from '@cutpoint/core';
import { version } from '@cutpoint/daemon';
import type { FleetAdmin, RolloutView } from '../http/fleet-admin.js';

/** How long a device may take to answer a question. */
const commandMs = 10_000;

/** A fleet as the admin API shows it. `notes` tells what an operator should know. */
export function fleetAdmin(name: FleetId, fleet: Fleet, notes: () => readonly string[]): FleetAdmin {
  const online = () => fleet.devices().filter(({ status }) => status === 'online').length;
  const counted = () => ({ online: online(), offline: fleet.devices().length - online() });
  return {
    devices: async () => fleet.devices().map((device) => ({ ...device, addresses: [...device.addresses] })),
    status: async () => ({
      version,
      fleet: name,
      devices: counted(),
      rollout: nothingDeployed,
      deployments: [],
      notes: [...notes()],
    }),
    logs: ({ device, lines }) => fleet.command(device, { kind: 'logs', lines }, { budgetMs: commandMs }),
    deploy: async () => notYet(),
    undeploy: async () => notYet(),
    rollback: async () => notYet(),
    files: { look: async () => notYet(), take: async () => notYet() },
    figures: () => ({ devices: counted(), links: [] }),
  };
}

const none = generation.parse(0);
const nothingDeployed: RolloutView = {
  phase: 'active',
  generation: none,
  active: none,
  waitingFor: [],
  fetchedBytes: 0,
  totalBytes: 0,
  devices: [],
};

function notYet(): never {
  throw new CutpointError('CUT_USAGE', 'This server cannot deploy: it was started without deployments.');
}
