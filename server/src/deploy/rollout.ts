import type {
  Assignment,
  AssignmentState,
  DeploymentId,
  DeviceId,
  Generation,
  ReportedState,
  SessionId,
} from '@cutpoint/control';
import { CutpointError } from '@cutpoint/core';

/** What every device of a fleet shall run, by device. */
export type FleetAssignments = ReadonlyMap<DeviceId, readonly Assignment[]>;

/** Why an attempt did not succeed. */
export interface RolloutProblem {
  /** Undefined where it was no device: time ran out, or somebody withdrew it. */
  readonly device: DeviceId | undefined;
  readonly phase: 'refused' | 'failed';
  readonly code: string;
  readonly message: string;
}

/** A generation on its way to become active. */
export interface Attempt {
  readonly generation: Generation;
  readonly assignments: FleetAssignments;
  /** `restore`: what is active already, under a new generation, so that devices let go of an attempt that failed. */
  readonly kind: 'change' | 'restore';
  /** Set once it cannot succeed any more: then `restore` comes next. */
  readonly problem: RolloutProblem | undefined;
}

/**
 * How far a fleet is from what it runs to what it shall run. At any time one generation is active: leases name it, and
 * only under it do requests begin. Another may be on its way; it becomes active when all have it ready, or never.
 */
export interface Rollout {
  /** The last generation that was given out. */
  readonly newest: Generation;
  readonly active: { readonly generation: Generation; readonly assignments: FleetAssignments };
  readonly attempt: Attempt | undefined;
  /** What was active before, newest first. */
  readonly former: readonly FleetAssignments[];
  /** The devices that are there, each with the run of its daemon. */
  readonly present: ReadonlyMap<DeviceId, SessionId>;
  /** The last report of each device, of whichever run. */
  readonly reports: ReadonlyMap<DeviceId, ReportedState>;
  /** How the last attempt that was no restore ended. */
  readonly last: { readonly generation: Generation; readonly problem: RolloutProblem | undefined } | undefined;
}

/** So many are kept to go back to. */
const formerKept = 16;

/** A fleet as it was stored: this generation is active. */
export function rolloutFrom(
  generation: Generation,
  assignments: FleetAssignments,
  { newest = generation, former = [] }: { newest?: Generation; former?: readonly FleetAssignments[] } = {},
): Rollout {
  const active = { generation, assignments };
  return { newest, active, attempt: undefined, former, present: new Map(), reports: new Map(), last: undefined };
}

/**
 * Begins an attempt.
 * @throws CutpointError CUT_DEPLOYMENT while another is under way, CUT_STALE if the generation is not a new one.
 */
export function propose(rollout: Rollout, generation: Generation, assignments: FleetAssignments): Rollout {
  requireIdle(rollout);
  return begin(rollout, { generation, assignments, kind: 'change', problem: undefined });
}

/** @throws CutpointError CUT_DEPLOYMENT while an attempt is under way. */
export function requireIdle(rollout: Rollout): void {
  const { attempt } = rollout;
  if (attempt === undefined) return;
  const waiting = awaited(rollout).join(', ');
  const until = waiting === '' ? '' : ` and waits for ${waiting}`;
  const [name] = changedIn(rollout);
  throw new CutpointError(
    'CUT_DEPLOYMENT',
    name === undefined
      ? `What is active is being made so anew (generation ${attempt.generation})${until}: try again in a moment.`
      : `A change of ${name} (generation ${attempt.generation}) is on its way${until}: wait until it is active, or withdraw it with \`cutpoint rollback ${name}\`.`,
  );
}

/** The deployments that are another in what is on its way than in what is active: one, as each change is of one. */
export function changedIn({ attempt, active }: Rollout): DeploymentId[] {
  if (attempt === undefined) return [];
  const [before, after] = [active.assignments, attempt.assignments].map(byDeployment);
  const names = new Set([...(before?.keys() ?? []), ...(after?.keys() ?? [])]);
  return [...names].filter((name) => before?.get(name) !== after?.get(name)).sort();
}

/** Each deployment with all that devices get of it, as text. */
function byDeployment(fleet: FleetAssignments): ReadonlyMap<DeploymentId, string> {
  const found = new Map<DeploymentId, string>();
  for (const [device, assignments] of [...fleet].sort(([a], [b]) => (a < b ? -1 : 1))) {
    for (const assignment of assignments) {
      const { deployment } = assignment;
      found.set(deployment, `${found.get(deployment) ?? ''}${device} ${JSON.stringify(assignment)}\n`);
    }
  }
  return found;
}

/**
 * After an attempt failed: gives what is active a new generation, for devices to let go of the attempt.
 * @throws CutpointError CUT_DEPLOYMENT if none failed, CUT_STALE if the generation is not a new one.
 */
export function restore(rollout: Rollout, generation: Generation): Rollout {
  if (rollout.attempt?.problem === undefined) throw new CutpointError('CUT_DEPLOYMENT', 'There is nothing to restore.');
  const { assignments } = rollout.active;
  return begin(rollout, { generation, assignments, kind: 'restore', problem: undefined });
}

function begin(rollout: Rollout, attempt: Attempt): Rollout {
  if (attempt.generation <= rollout.newest) {
    const message = `Generation ${attempt.generation} was used before: ${rollout.newest} was the last.`;
    throw new CutpointError('CUT_STALE', message);
  }
  return decide({ ...rollout, newest: attempt.generation, attempt });
}

/** A device reported. Only what the run says counts that is there now. */
export function heard(rollout: Rollout, device: DeviceId, report: ReportedState): Rollout {
  return decide({ ...rollout, reports: new Map(rollout.reports).set(device, report) });
}

/** A device is there, or there again. */
export function came(rollout: Rollout, device: DeviceId, session: SessionId): Rollout {
  return decide({ ...rollout, present: new Map(rollout.present).set(device, session) });
}

/** A device is gone. What waits for it waits on: it may come back. */
export function gone(rollout: Rollout, device: DeviceId): Rollout {
  const present = new Map(rollout.present);
  present.delete(device);
  return decide({ ...rollout, present });
}

/** A device was thrown out of the fleet: a change that waits for it cannot succeed any more. */
export function thrownOut(rollout: Rollout, device: DeviceId): Rollout {
  const { attempt } = rollout;
  if (attempt?.kind !== 'change' || attempt.problem !== undefined) return rollout;
  if (!awaited(rollout).includes(device)) return rollout;
  const message = 'The device was revoked while it was waited for: pair it again, or deploy without it.';
  return fail(rollout, attempt, { device, phase: 'failed', code: 'CUT_REVOKED', message });
}

/** Time has run out, or somebody withdrew the attempt. A restore then counts as done: nothing is left to wait for. */
export function giveUp(rollout: Rollout, why: { code: string; message: string }): Rollout {
  const { attempt } = rollout;
  if (attempt === undefined || attempt.problem !== undefined) return rollout;
  if (attempt.kind === 'restore') return activate(rollout, attempt);
  return fail(rollout, attempt, { device: undefined, phase: 'failed', ...why });
}

function decide(rollout: Rollout): Rollout {
  const { attempt } = rollout;
  if (attempt === undefined || attempt.problem !== undefined) return rollout;
  const problem = attempt.kind === 'change' ? firstProblem(rollout, attempt) : undefined;
  if (problem !== undefined) return fail(rollout, attempt, problem);
  return awaited(rollout).length === 0 ? activate(rollout, attempt) : rollout;
}

function fail(rollout: Rollout, attempt: Attempt, problem: RolloutProblem): Rollout {
  return { ...rollout, attempt: { ...attempt, problem }, last: { generation: attempt.generation, problem } };
}

function activate(rollout: Rollout, { generation, assignments, kind }: Attempt): Rollout {
  const active = { generation, assignments };
  if (kind === 'restore') return { ...rollout, active, attempt: undefined };
  const before = rollout.active.assignments;
  // What is the same as before, as after a restart in the middle of an attempt, leaves nothing to go back to.
  const changed = JSON.stringify([...before]) !== JSON.stringify([...assignments]);
  const former = changed ? [before, ...rollout.former].slice(0, formerKept) : rollout.former;
  return { ...rollout, active, attempt: undefined, former, last: { generation, problem: undefined } };
}

/**
 * The devices that an attempt still waits for: those that it gives something new, there or not, and all others that are
 * there and have something to run, as they would stand still until they are ready.
 */
export function awaited(rollout: Rollout): DeviceId[] {
  const { attempt, active, present } = rollout;
  if (attempt === undefined) return [];
  return [...attempt.assignments].flatMap(([device, assignments]) => {
    if (assignments.length === 0) return [];
    const changed = attempt.kind === 'change' && !isSame(assignments, active.assignments.get(device) ?? []);
    if (!changed && !present.has(device)) return [];
    const states = statesOf(rollout, device, attempt.generation);
    const settled = assignments.every(({ deployment }) => {
      const phase = states?.find((state) => state.deployment === deployment)?.phase;
      return phase === 'ready' || (attempt.kind === 'restore' && (phase === 'refused' || phase === 'failed'));
    });
    return settled ? [] : [device];
  });
}

function firstProblem(rollout: Rollout, { generation, assignments }: Attempt): RolloutProblem | undefined {
  for (const device of assignments.keys()) {
    for (const { phase, problem } of statesOf(rollout, device, generation) ?? []) {
      if (phase !== 'refused' && phase !== 'failed') continue;
      const { code = 'CUT_INTERNAL', message = 'The device did not say why.' } = problem ?? {};
      return { device, phase, code, message };
    }
  }
  return undefined;
}

/** What the run of a device that is there reports of a generation; undefined if it has not come to it yet. */
export function statesOf(
  { present, reports }: Rollout,
  device: DeviceId,
  generation: Generation,
): readonly AssignmentState[] | undefined {
  const report = reports.get(device);
  if (report === undefined || report.session !== present.get(device) || report.wanted !== generation) return undefined;
  return report.assignments;
}

/** Deployments are plain data that is made in one place, so that equal ones print the same. */
function isSame(a: readonly Assignment[], b: readonly Assignment[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
