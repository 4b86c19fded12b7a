import { CutpointError } from '@cutpoint/core';
import type { SplitChoice } from '@cutpoint/daemon';
import { openLog, resolveSettings, runUntilStopped } from '@cutpoint/daemon';
import { type Adaptation, agentSettings, type LinkObservation, startAgent } from '@cutpoint/edge-agent';
import {
  baselinesOf,
  costsOf,
  createLinkEstimator,
  createSwitcher,
  explainInfeasible,
  type LinkState,
  type Plan,
  type PlanLimits,
  type PlanProblem,
  paretoFront,
} from '@cutpoint/plan';
import { writeOut } from '../output/result.js';
import { formatBitRate, formatMs } from '../output/units.js';
import { planName } from './plan-text.js';

/** What the plan in use should be best in. */
export type WatchObjective = 'latency' | 'throughput' | 'energy';

export interface WatchRequest {
  readonly problem: PlanProblem;
  readonly limits: PlanLimits;
  readonly objective: WatchObjective;
  /** Index of the device whose daemon is at `server`. */
  readonly device: number;
  readonly lastCut: number;
  readonly flags: Readonly<Record<string, string | undefined>>;
  readonly json: boolean;
}

/** Links this many times faster and slower than now are planned for. */
const factors = [1 / 64, 1 / 16, 1 / 4, 1, 4, 16, 64];

/**
 * Runs an agent that keeps to the best plan for the link as it is: what each request tells of the link is learned from,
 * and where another plan would be better by a margin for a while, requests that come from then on use that.
 * @throws CutpointError what starting an agent throws; CUT_INFEASIBLE if no plan is possible with this server.
 */
export async function watchPlans(request: WatchRequest): Promise<void> {
  const { problem, device, json } = request;
  const link = problem.links[0]?.[device];
  if (link === undefined)
    throw new CutpointError('CUT_SCENARIO', 'The scenario has no way from its first device to the server.');
  const plans = plansFor(request, link);
  const costOf = (plan: Plan, state: Omit<LinkState, 'uncertainty'>) => costAt(request, plan, state);
  const estimator = createLinkEstimator({
    initial: {
      fixedMs: link.up.fixedMs + link.down.fixedMs,
      bytesPerS: Math.min(link.up.bytesPerS, link.down.bytesPerS),
    },
  });
  const [first] = [...plans].sort((a, b) => costOf(a, link) - costOf(b, link));
  if (first === undefined) {
    const conflict = explainInfeasible(withLink(problem, device, link), request.limits);
    throw new CutpointError('CUT_INFEASIBLE', conflict?.sentence ?? 'No plan is possible with this server alone.');
  }
  const ordered = [first, ...plans.filter((plan) => plan !== first)];
  const switcher = createSwitcher({ plans: ordered, costOf });
  const say = (event: Record<string, unknown>, text: string): void => {
    const time = new Date();
    void writeOut(
      json
        ? `${JSON.stringify({ time: time.toISOString(), ...event })}\n`
        : `${time.toTimeString().slice(0, 8)}  ${text}\n`,
    );
  };
  const alone = ordered.findIndex(({ devices }) => devices.length === 1);
  const adaptation: Adaptation = {
    choices: ordered.map((plan) => splitOf(plan, request.lastCut)),
    first: 0,
    ...(alone < 0 ? {} : { alone }),
    onAway(away) {
      const [here, usual] = [ordered[alone], switcher.plan];
      const plan = planName(problem, away && here !== undefined ? here : usual);
      say({ event: away ? 'away' : 'back', plan }, `the server is ${away ? 'away' : 'back'}: ${plan}`);
    },
    next(observation) {
      learn(estimator, observation);
      switcher.observe(stateOf(estimator.estimate), performance.now());
      return ordered.indexOf(switcher.plan);
    },
    onSwitch(from, to) {
      const state = stateOf(estimator.estimate);
      const [before, after] = [ordered[from], ordered[to]];
      if (before === undefined || after === undefined) return;
      const names = { from: planName(problem, before), to: planName(problem, after) };
      say({ event: 'switch', ...names, link: state }, `${linkText(state)}: ${names.from} -> ${names.to}`);
    },
    onError: ({ code, message }) => say({ event: 'error', code, message }, `${code}: ${message}`),
  };
  const settings = await resolveSettings(agentSettings, { flags: request.flags, env: {} });
  const log = openLog({ name: 'plan', level: 'warn', format: 'auto' });
  const agent = await startAgent(settings, { log, adaptation });
  const stopped = runUntilStopped(agent, { graceMs: settings.graceMs, log, stdin: undefined });
  const name = planName(problem, first);
  say(
    { event: 'ready', url: agent.url, plan: name, plans: ordered.length },
    `listening on ${agent.url} with ${name}, of ${ordered.length} plans`,
  );
  await stopped;
}

/** Plans that are the best for some link: those to switch between. */
function plansFor(
  { problem, limits, device, objective }: WatchRequest,
  link: LinkState | Omit<LinkState, 'uncertainty'>,
): Plan[] {
  const known = new Map<string, Plan>();
  for (const rate of factors) {
    for (const delay of factors) {
      const changed = withLink(problem, device, {
        up: { fixedMs: link.up.fixedMs * delay, bytesPerS: link.up.bytesPerS * rate },
        down: { fixedMs: link.down.fixedMs * delay, bytesPerS: link.down.bytesPerS * rate },
      });
      const { points } = paretoFront(changed, { objectives: [objective], limits, maxTies: 1 });
      for (const {
        plans: [plan],
      } of points)
        known.set(JSON.stringify([plan.devices, plan.cuts, plan.codecs]), plan);
    }
  }
  // Never the best, the first device alone still is what remains when the server goes away.
  const [alone] = baselinesOf(problem, limits);
  if (alone?.plan !== undefined && !('infeasible' in alone)) {
    const { plan } = alone;
    known.set(JSON.stringify([plan.devices, plan.cuts, plan.codecs]), plan);
  }
  return [...known.values()];
}

/** The problem with another link to the server, and no way past it: the agent talks to no other device. */
function withLink(problem: PlanProblem, device: number, link: Omit<LinkState, 'uncertainty'>): PlanProblem {
  const links = problem.links.map((row, from) =>
    row.map((other, to) => {
      if (from !== 0) return other;
      return to === device && other !== undefined ? { id: other.id, up: link.up, down: link.down } : undefined;
    }),
  );
  return { ...problem, links };
}

function costAt(
  { problem, device, objective }: WatchRequest,
  plan: Plan,
  link: Omit<LinkState, 'uncertainty'>,
): number {
  const costs = costsOf(withLink(problem, device, link), plan);
  if (objective === 'throughput') return 1 / costs.throughputHz;
  return objective === 'energy' ? costs.edgeEnergyJ : costs.latencyMs;
}

/** A request tells the time there and back together: both directions are taken to be alike. */
function learn(
  estimator: ReturnType<typeof createLinkEstimator>,
  { upBytes, downBytes, sendMs }: LinkObservation,
): void {
  estimator.observe(upBytes + downBytes, sendMs);
}

function stateOf({ fixedMs, bytesPerS, uncertainty }: ReturnType<typeof createLinkEstimator>['estimate']): LinkState {
  const direction = { fixedMs: fixedMs / 2, bytesPerS };
  return { up: direction, down: direction, uncertainty };
}

function linkText({ up, down }: LinkState): string {
  return `link ${formatBitRate(up.bytesPerS)}, ${formatMs(up.fixedMs + down.fixedMs)} there and back`;
}

/** A device alone is cut behind the last node. */
function splitOf({ cuts, codecs }: Plan, lastCut: number): SplitChoice {
  if (cuts.length === 0) return { at: [lastCut], codecs: ['raw'] };
  return { at: [...cuts], codecs: [...codecs] };
}
