import { mkdir, rm } from 'node:fs/promises';
import type { Audit, ContentStore, DeploymentId, DeviceId, Fleet, Generation } from '@cutpoint/control';
import { CutpointError } from '@cutpoint/core';
import type { Log } from '@cutpoint/daemon';
import type { Deployer } from '../deploy/deployer.js';
import { type Ladder, wholeRung } from '../deploy/plan-ladder.js';
import { needsRevoked } from '../deploy/revoked-devices.js';
import type { DeploymentRequest } from '../http/deployment-request.js';
import type { AcceptedView, FleetAdmin } from '../http/fleet-admin.js';

export interface FleetDeploysOptions {
  readonly fleet: Pick<Fleet, 'devices'>;
  /** What this server is called in its fleet. */
  readonly self: DeviceId;
  readonly deployer: Deployer;
  readonly content: ContentStore;
  readonly audit: Audit;
  /** Whether a device was thrown out of the fleet. */
  readonly isRevoked: (device: DeviceId) => boolean;
  /** A folder of this alone, for models while they are cut; on the same file system as the store. */
  readonly scratch: string;
  /** How long a model may take to be cut; it is run for that. Default 15 minutes. */
  readonly cutMs?: number;
  /** Aborts when the server stops. */
  readonly stop: AbortSignal;
  readonly log: Log;
}

/** What changes a fleet: each change is in the audit log with who asked for it, and its end in the log. */
export function fleetDeploys(options: FleetDeploysOptions): Pick<FleetAdmin, 'deploy' | 'undeploy' | 'rollback'> {
  const { deployer } = options;
  let cutting = false;
  return {
    async deploy(request, by) {
      deployer.requireIdle();
      if (cutting)
        throw new CutpointError('CUT_DEPLOYMENT', 'Another model is being cut to be deployed: try again later.');
      cutting = true;
      try {
        return accepted(options, 'deployed', request.name, by, await cutAndDeploy(options, request));
      } finally {
        cutting = false;
      }
    },
    undeploy: async (name, by) =>
      (deployer.has(name) ? undefined : withdrawn(options, name, by)) ??
      accepted(options, 'undeployed', name, by, await deployer.undeploy(name)),
    rollback: async ({ name }, by) =>
      withdrawn(options, name, by) ?? accepted(options, 'rolled-back', name, by, await deployer.rollback(name)),
  };
}

async function cutAndDeploy(options: FleetDeploysOptions, request: DeploymentRequest): Promise<Generation> {
  const { cutMs = 15 * 60_000, stop } = options;
  const late = new AbortController();
  const message = `The model was not cut within ${cutMs / 1000} s. It is run once for that: it may not end.`;
  const timer = setTimeout(() => late.abort(new CutpointError('CUT_DEADLINE', message)), cutMs);
  try {
    return await cutUntil(AbortSignal.any([late.signal, stop]), options, request);
  } finally {
    clearTimeout(timer);
  }
}

async function cutUntil(
  signal: AbortSignal,
  options: FleetDeploysOptions,
  request: DeploymentRequest,
): Promise<Generation> {
  const { content, deployer, scratch } = options;
  const ladders = withServer(options, request);
  requireDevices(options, ladders);
  // What a crash has left there is of no use: one model is cut at a time.
  await rm(scratch, { recursive: true, force: true });
  await mkdir(scratch, { recursive: true });
  // Loaded when it is called: servers start sooner, and most of the time need no more than what runs models.
  const [{ openSentModel }, { deployModel }] = await Promise.all([
    import('../deploy/model-files.js'),
    import('../deploy/deploy-model.js'),
  ]);
  await using sent = await openSentModel(request.model, { content, scratch, signal });
  const deployed = { deployment: request.name, model: request.model.name, ladders };
  return await deployModel(sent.model, deployed, { deployer, content, scratch, tables: sent.tables, signal });
}

/** The server answers callers by itself too, unless that is not wanted. */
function withServer({ self }: FleetDeploysOptions, { ladders, onServer = true }: DeploymentRequest): readonly Ladder[] {
  if (!onServer || ladders.some(({ device }) => device === self)) return ladders;
  return [...ladders, { device: self, ladder: [wholeRung] }];
}

/** A name that no device has, or one that was revoked, would be waited for in vain. */
function requireDevices(
  { fleet, isRevoked }: Pick<FleetDeploysOptions, 'fleet' | 'isRevoked'>,
  ladders: readonly Ladder[],
): void {
  const named = ladders.flatMap(({ device, ladder }) => [device, ...ladder.flatMap(({ chain }) => chain)]);
  const revoked = named.find(isRevoked);
  if (revoked !== undefined) throw needsRevoked(revoked);
  const devices = fleet.devices();
  const known = new Set(devices.map(({ device }) => device));
  const unknown = named.find((device) => !known.has(device));
  if (unknown === undefined) {
    requireNoPageBehind(devices, ladders);
    return;
  }
  const members = [...known].filter((device) => !isRevoked(device)).sort();
  const message = `There is no device ${unknown} in the fleet, which has ${members.join(', ')}.`;
  throw new CutpointError('CUT_NOT_FOUND', message);
}

/** A page refuses to be more than where requests begin, and one that is away would be waited for before it can. */
function requireNoPageBehind(devices: ReturnType<Fleet['devices']>, ladders: readonly Ladder[]): void {
  const pages = new Set(devices.filter(({ facts }) => facts.browser !== undefined).map(({ device }) => device));
  const behind = ladders.flatMap(({ ladder }) => ladder.flatMap(({ chain }) => chain)).find((one) => pages.has(one));
  if (behind === undefined) return;
  const message = `${behind} is a page of a browser, which nobody can reach: requests can only begin there. Name it first in --on.`;
  throw new CutpointError('CUT_DEPLOYMENT', message);
}

/** Where a change of this deployment is on its way, that is what its end or its former state is asked for. */
function withdrawn(options: FleetDeploysOptions, name: DeploymentId, by: string): AcceptedView | undefined {
  const generation = options.deployer.withdraw(name);
  if (generation === undefined) return undefined;
  return { ...accepted(options, 'withdrawn', name, by, generation), withdrawn: true };
}

function accepted(
  { audit, deployer, log }: FleetDeploysOptions,
  event: 'deployed' | 'undeployed' | 'rolled-back' | 'withdrawn',
  name: DeploymentId,
  by: string,
  generation: Generation,
): AcceptedView {
  audit.add({ atMs: Date.now(), event, subject: name, detail: `generation ${generation}, by ${by}` });
  log.info({ deployment: name, generation, by }, event);
  void deployer.settled().then((status) => {
    const { phase, active, problem } = status;
    if (problem === undefined) log.info({ deployment: name, generation: active }, phase);
    else log.warn({ deployment: name, generation, ...problem }, phase);
  });
  return { name, generation };
}
