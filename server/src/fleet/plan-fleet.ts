import type { DeviceId } from '@cutpoint/control';
import { CutpointError } from '@cutpoint/core';
import {
  baselinesOf,
  explain,
  explainText,
  type ModelProfile,
  noiseOf,
  type Plan,
  type PlanProblem,
  parseScenario,
  pickPlan,
  problemOf,
  requireFront,
  simplerThan,
} from '@cutpoint/plan';
import type { DevicePlan, FleetPlans, NamedPlan, PlanRequest } from '../http/plan-request.js';
import type { MeasuredLink, Measurements } from './measure-fleet.js';

/** A device that may have a part in a plan. */
export interface PlannedDevice {
  readonly device: DeviceId;
  readonly role: 'agent' | 'server';
  /** What is free there now; undefined where that is not known. */
  readonly freeMemoryBytes: number | undefined;
}

/** What may compute for requests that begin at the first: in the order in which they pass. */
export type Candidates = readonly [PlannedDevice, ...PlannedDevice[]];

export interface FleetProblem {
  readonly request: PlanRequest;
  /** For each device where requests begin. */
  readonly chains: readonly Candidates[];
  readonly measured: Measurements;
}

/** Plans within this share of the best in one objective are compared in the next. */
const tolerance = 0.05;
/** More of a front is of no use to a person or a ladder. */
const mostOfFront = 200;
/** Plans that the explanation compares the pick with. */
const mostRivals = 6;

/**
 * A plan for each device where requests begin, out of what the devices measured. All share the last device.
 * @throws CutpointError CUT_INFEASIBLE if no plan keeps the limits; CUT_PROFILE_MISMATCH if profiles do not belong together;
 * why a device where requests begin has no profile.
 */
export function planFleet({ request, chains, measured }: FleetProblem): FleetPlans {
  const notes: string[] = [...measured.notes];
  for (const [device, { message }] of measured.failures) {
    if (!chains.some(([first]) => first.device === device)) notes.push(`${device} takes no part: ${message}`);
  }
  notes.push(...notesOfDevices(measured.profiles));
  const plans = chains.map((chain) =>
    planDevice(chain, { request, measured, agents: chains.length, onNote: (note) => notes.push(note) }),
  );
  const [profile] = [...measured.profiles.values()];
  const { name } = request.model;
  return {
    model: { name, hash: profile?.profile.model.hash ?? '' },
    plans,
    measured: {
      devices: [...measured.profiles].map(([device, { profile: own }]) => ({
        device,
        wholeMs: own.wholeMs,
        measuredAt: own.measuredAt,
        driftPct: own.fit.referenceDriftPct,
      })),
      links: measured.links.map(linkView),
    },
    notes: [...new Set(notes)],
  };
}

/** `pi-1, pi-2: what both say`. */
function notesOfDevices(profiles: Measurements['profiles']): string[] {
  const devices = new Map<string, DeviceId[]>();
  for (const [device, { notes }] of profiles) {
    for (const note of notes) devices.set(note, [...(devices.get(note) ?? []), device]);
  }
  return [...devices].map(([note, own]) => `${own.join(', ')}: ${note}`);
}

/**
 * The devices of a chain that can have a part: those with a profile, and with a measured way from each before to each
 * behind. The first stays in any case, then the last counts most.
 */
export function usableOf(chain: Candidates, { profiles, links }: Measurements): Candidates {
  const [first, ...behind] = chain;
  const known = new Set(links.map(({ from, to }) => `${from} ${to}`));
  const place = new Map(chain.map((one, i) => [one.device, i]));
  const used: PlannedDevice[] = [first];
  for (const one of [...behind].reverse()) {
    const linked = used.every((other) => {
      const isBefore = (place.get(other.device) ?? 0) < (place.get(one.device) ?? 0);
      const [from, to] = isBefore ? [other, one] : [one, other];
      return known.has(`${from.device} ${to.device}`);
    });
    if (linked && profiles.has(one.device)) used.push(one);
  }
  const [, ...others] = used;
  return [first, ...others.reverse()];
}

interface Planning {
  readonly request: PlanRequest;
  readonly measured: Measurements;
  /** Where requests begin. */
  readonly agents: number;
  readonly onNote: (note: string) => void;
}

function planDevice(chain: Candidates, { request, measured, agents, onNote }: Planning): DevicePlan {
  const { objectives, pick, limits } = request;
  const [{ device: from }] = chain;
  const failure = measured.failures.get(from);
  if (failure !== undefined) throw new CutpointError(failure.code, `${from} cannot be planned for: ${failure.message}`);
  const problem = problemFor(usableOf(chain, measured), request, measured, agents);
  const startedAt = performance.now();
  const wanted = [...new Set([...objectives, ...pick])];
  const front = requireFront(problem, { limits, objectives: wanted });
  const solveMs = performance.now() - startedAt;
  const best = pickPlan(front, { lexicographic: pick, tolerance: pick.length > 1 ? tolerance : 0 });
  const baselines = baselinesOf(problem, limits);
  const noise = noiseIn(best, problem, measured);
  const simpler = pick[0] === 'latency' ? simplerThan(best, baselines, noise) : undefined;
  const picked = simpler ?? best;
  if (simpler !== undefined) onNote(notCut(problem, { best, simpler, noise }));
  const rivals = front.points.map(({ plans: [plan] }) => plan).filter((plan) => plan !== picked);
  return {
    from,
    objectives: wanted,
    pick: withNames(problem, picked),
    front: front.points
      .flatMap(({ plans }) => plans)
      .slice(0, mostOfFront)
      .map((plan) => withNames(problem, plan)),
    baselines: baselines.map((baseline) => ({
      device: baseline.device as DeviceId,
      ...(baseline.plan === undefined ? {} : withNames(problem, baseline.plan)),
      ...('infeasible' in baseline ? { infeasible: baseline.infeasible } : {}),
    })),
    solveMs,
    exact: front.exact,
    explanation: explainText(problem, explain(problem, picked, rivals.slice(0, mostRivals), limits)),
  };
}

/** How much the times vary of the devices that a plan uses. */
function noiseIn({ devices }: Plan, problem: PlanProblem, { profiles }: Measurements): number {
  const ids = devices.map((place) => problem.devices[place]?.id as DeviceId);
  return Math.max(0, ...ids.map((id) => profiles.get(id)?.profile).map((known) => (known ? noiseOf(known) : 0)));
}

function notCut(problem: PlanProblem, { best, simpler, noise }: { best: Plan; simpler: Plan; noise: number }): string {
  const percent = (share: number) => `${Math.round(100 * share)} %`;
  const cut = `cutting at ${best.cuts.join(' and ')} over ${withNames(problem, best).devices.join(', ')}`;
  const gain = percent(1 - best.latencyMs / simpler.latencyMs);
  return `Predicted is that ${cut} is ${gain} quicker than one device alone, but times vary by ${percent(noise)} there: it is not cut.`;
}

function problemFor(
  chain: Candidates,
  { codecs }: PlanRequest,
  { profiles, links }: Measurements,
  agents: number,
): PlanProblem {
  const ids = new Set(chain.map(({ device }) => device));
  const byDevice: Record<string, ModelProfile> = {};
  for (const [device, { profile }] of profiles) if (ids.has(device)) byDevice[device] = profile;
  const scenario = parseScenario({
    name: 'fleet',
    title: 'fleet',
    devices: chain.map(({ device, role, freeMemoryBytes }) => ({
      id: device,
      role: role === 'agent' ? 'edge' : 'server',
      threads: byDevice[device]?.runtime.threads,
      ...(freeMemoryBytes ? { memoryMB: freeMemoryBytes / 1e6 } : {}),
    })),
    codecs,
    load: { agents },
  });
  const own = links.filter(({ from, to }) => ids.has(from) && ids.has(to));
  return problemOf({ scenario, profiles: { byDevice }, links: own });
}

/** A plan with names of devices instead of their places in the chain. */
function withNames({ devices }: PlanProblem, plan: Plan): NamedPlan {
  const { cuts, codecs } = plan;
  const named = plan.devices.map((place) => devices[place]?.id ?? String(place)) as DeviceId[];
  return { ...plan, devices: named, cuts: [...cuts], codecs: [...codecs] };
}

function linkView({ from, to, via, profile }: MeasuredLink) {
  const { rttMs, up, down } = profile;
  return { from, to, via, rttMs: rttMs.median, upBytesPerS: up.bytesPerS, downBytesPerS: down.bytesPerS };
}
