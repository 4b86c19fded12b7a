import type { Assignment, AssignmentState, DeploymentId, DesiredState, DeviceId, Generation } from '@cutpoint/control';
import { CutpointError } from '@cutpoint/core';
import {
  type Attempt,
  awaited,
  changedIn,
  type FleetAssignments,
  type Rollout,
  type RolloutProblem,
  statesOf,
} from './rollout.js';

/** The generation that leases name: what devices act on. */
export function leasedGeneration({ active }: Rollout): Generation {
  return active.generation;
}

/** What a device is told to have ready: that of the attempt, if there is one that may still succeed. */
export function desiredOf({ attempt, active }: Rollout, device: DeviceId): Omit<DesiredState, 'signature'> {
  const { generation, assignments } = attempt ?? active;
  return { generation, assignments: [...(assignments.get(device) ?? [])] };
}

/** How far the last change is, as a person is told. */
export type RolloutPhase = 'proposed' | 'fetching' | 'ready' | 'active' | 'refused' | 'failed' | 'rolled back';

export interface RolloutStatus {
  readonly phase: RolloutPhase;
  /** The generation that the phase is about. */
  readonly generation: Generation;
  readonly active: Generation;
  /** The deployment that a change on its way is of. */
  readonly name: DeploymentId | undefined;
  readonly waitingFor: readonly DeviceId[];
  readonly problem: RolloutProblem | undefined;
  readonly fetchedBytes: number;
  readonly totalBytes: number;
  /** How far each device is, while a change is on its way. */
  readonly devices: readonly DeviceProgress[];
}

export interface DeviceProgress {
  readonly device: DeviceId;
  readonly there: boolean;
  /** Of its assignments, that which is behind the others. */
  readonly phase: 'waiting' | AssignmentState['phase'];
  readonly fetchedBytes: number;
  readonly totalBytes: number;
}

/** What `cutpoint status` says of a fleet. */
export function statusOf(rollout: Rollout): RolloutStatus {
  const { attempt, active, last } = rollout;
  const generation = (attempt?.kind === 'change' ? attempt.generation : last?.generation) ?? active.generation;
  const states = [...(attempt?.assignments.keys() ?? [])].flatMap(
    (device) => statesOf(rollout, device, generation) ?? [],
  );
  const sum = (pick: (state: (typeof states)[number]) => number | undefined) =>
    states.reduce((total, state) => total + (pick(state) ?? 0), 0);
  return {
    phase: phaseOf(rollout, states.length > 0),
    generation,
    active: active.generation,
    name: changedIn(rollout)[0],
    waitingFor: awaited(rollout),
    problem: attempt?.kind === 'change' ? attempt.problem : last?.problem,
    fetchedBytes: sum(({ fetchedBytes }) => fetchedBytes),
    totalBytes: sum(({ totalBytes }) => totalBytes),
    devices: attempt?.kind === 'change' ? progressOf(rollout, attempt) : [],
  };
}

const order = ['refused', 'failed', 'fetching', 'preparing', 'ready'] as const;

function progressOf(rollout: Rollout, { generation, assignments }: Attempt): DeviceProgress[] {
  const devices = [...assignments].filter(([, own]) => own.length > 0).map(([device]) => device);
  return devices.sort().map((device) => {
    const states = statesOf(rollout, device, generation);
    const sum = (pick: (state: AssignmentState) => number | undefined) =>
      (states ?? []).reduce((total, state) => total + (pick(state) ?? 0), 0);
    return {
      device,
      there: rollout.present.has(device),
      phase: order.find((phase) => states?.some((state) => state.phase === phase)) ?? 'waiting',
      fetchedBytes: sum(({ fetchedBytes }) => fetchedBytes),
      totalBytes: sum(({ totalBytes }) => totalBytes),
    };
  });
}

function phaseOf({ attempt, last, ...rollout }: Rollout, begun: boolean): RolloutPhase {
  if (attempt?.problem !== undefined) return attempt.problem.phase;
  // A restore is what rolls back.
  if (attempt?.kind === 'restore') return last?.problem?.phase ?? 'failed';
  if (attempt === undefined) return last?.problem === undefined ? 'active' : 'rolled back';
  if (!begun) return 'proposed';
  return awaited({ attempt, last, ...rollout }).length === 0 ? 'ready' : 'fetching';
}

/** The assignments of a fleet with those of one deployment replaced; no device has any where none are given. */
export function withDeployment(
  fleet: FleetAssignments,
  deployment: DeploymentId,
  given: ReadonlyMap<DeviceId, Assignment>,
): FleetAssignments {
  const devices = new Set([...fleet.keys(), ...given.keys()]);
  const changed = [...devices].map((device) => {
    const others = (fleet.get(device) ?? []).filter((assignment) => assignment.deployment !== deployment);
    const own = given.get(device);
    const all = own === undefined ? others : [...others, own];
    return [device, all.sort((a, b) => (a.deployment < b.deployment ? -1 : 1))] as const;
  });
  return new Map(changed.filter(([, assignments]) => assignments.length > 0));
}

/** What one deployment gives each device. */
export function deploymentIn(fleet: FleetAssignments, deployment: DeploymentId): ReadonlyMap<DeviceId, Assignment> {
  const own = [...fleet].flatMap(([device, assignments]) =>
    assignments.filter((assignment) => assignment.deployment === deployment).map((found) => [device, found] as const),
  );
  return new Map(own);
}

/**
 * The assignments with one deployment as it was before its last change: to be proposed under a new generation.
 * @throws CutpointError CUT_DEPLOYMENT if there never was any of that name, or it never was another.
 */
export function rolledBack({ active, former }: Rollout, deployment: DeploymentId): FleetAssignments {
  requireDeployment(deployment, [active.assignments, ...former]);
  const now = print(deploymentIn(active.assignments, deployment));
  const before = former
    .map((fleet) => deploymentIn(fleet, deployment))
    .find((own) => own.size > 0 && print(own) !== now);
  if (before !== undefined) return withDeployment(active.assignments, deployment, before);
  const message = `There is nothing to go back to: the deployment ${deployment} has never been another.`;
  throw new CutpointError('CUT_DEPLOYMENT', message);
}

/** @throws CutpointError CUT_DEPLOYMENT, with those there are, if none of these has a deployment of that name */
export function requireDeployment(name: DeploymentId, fleets: readonly FleetAssignments[]): void {
  const assignments = fleets.flatMap((fleet) => [...fleet.values()].flat());
  const names = new Set(assignments.map(({ deployment }) => deployment));
  if (names.has(name)) return;
  const others = names.size === 0 ? 'nothing is deployed' : `there are ${[...names].sort().join(', ')}`;
  throw new CutpointError('CUT_DEPLOYMENT', `There is no deployment ${name}: ${others}.`);
}

function print(own: ReadonlyMap<DeviceId, Assignment>): string {
  return JSON.stringify([...own].sort(([a], [b]) => (a < b ? -1 : 1)));
}
