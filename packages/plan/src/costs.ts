import { CutpointError } from '@cutpoint/core';
import { foldParts, type PlanPart, partsOf } from './cost-model.js';
import type { PlanChoice, PlanCosts, PlanProblem } from './problem.js';

/**
 * What a plan costs.
 * @throws CutpointError CUT_ILLEGAL_CUT if the choice is not well formed, CUT_INFEASIBLE if it cannot run.
 */
export function costsOf(problem: PlanProblem, choice: PlanChoice): PlanCosts {
  return foldParts(problem, workingParts(problem, choice));
}

/** A stage of a plan: a segment, a codec at work, or one direction of a link. */
export interface Stage {
  readonly kind: 'segment' | 'encode' | 'up' | 'decode' | 'down';
  /** Id of the device or link. */
  readonly where: string;
  /** `cuts 3 to 17`, or the codec and cut of a hop. */
  readonly what: string;
  /** What it adds to the latency of a request. */
  readonly latencyMs: number;
  /** Of that: waiting for others on a shared device. */
  readonly waitMs: number;
  /** For how long one request keeps it from others, with those of the chains that share it; the slowest sets the rate. */
  readonly occupiedMs: number;
  /** Of links: bytes that travel. */
  readonly bytes: number;
}

export interface Breakdown {
  /** In the order in which a request passes them; the ways back come last. */
  readonly stages: readonly Stage[];
  readonly costs: PlanCosts;
  /** Index of the stage that sets the rate. */
  readonly slowest: number;
  /** So many requests must be under way to reach the throughput (J. Little, Operations Research 9(3), 1961). */
  readonly requestsInFlight: number;
}

/** Where the time of a plan goes, stage by stage, from the same model as `costsOf`. @throws as `costsOf` */
export function stagesOf(problem: PlanProblem, choice: PlanChoice): Breakdown {
  const parts = workingParts(problem, choice);
  const there = parts.flatMap((part) => stagesThere(problem, part));
  const back = parts.flatMap((part) => stagesBack(problem, part)).reverse();
  const stages = [...there, ...back];
  const costs = foldParts(problem, parts);
  const slowest = stages.reduce(
    (best, { occupiedMs }, i) => (occupiedMs > (stages[best]?.occupiedMs ?? 0) ? i : best),
    0,
  );
  const requestsInFlight = Math.max(1, Math.ceil((costs.latencyMs * costs.throughputHz) / 1000 - 1e-9));
  return { stages, costs, slowest, requestsInFlight };
}

/** Why a plan cannot run (the end of a sentence), or its costs. @throws CutpointError CUT_ILLEGAL_CUT as `costsOf` */
export function tryCosts(problem: PlanProblem, choice: PlanChoice): PlanCosts | string {
  checkChoice(problem, choice);
  const parts = partsOf(problem, choice);
  return typeof parts === 'string' ? parts : foldParts(problem, parts);
}

/** @throws CutpointError CUT_ILLEGAL_CUT unless devices, cuts and codecs fit together and the problem. */
export function checkChoice(problem: PlanProblem, { devices, cuts, codecs }: PlanChoice): void {
  const fail = (what: string): never => {
    throw new CutpointError('CUT_ILLEGAL_CUT', `This is not a plan: ${what}.`);
  };
  if (devices[0] !== 0) fail('its first device must be the first of the chain, which has the input');
  if (cuts.length !== devices.length - 1 || codecs.length !== cuts.length) {
    fail(`${devices.length} devices need ${devices.length - 1} cuts and codecs`);
  }
  for (const [i, device] of devices.entries()) {
    if (!Number.isInteger(device) || device >= problem.devices.length) fail(`there is no device ${device}`);
    if (i > 0 && device <= (devices[i - 1] ?? 0)) fail('its devices are not in the order of the chain');
  }
  for (const [i, cut] of cuts.entries()) {
    const least = i === 0 ? 0 : (cuts[i - 1] ?? 0) + 1;
    if (!Number.isInteger(cut) || cut < least || cut > problem.cuts - 2) {
      fail(`cut ${cut} at place ${i + 1} must lie from ${least} to ${problem.cuts - 2}`);
    }
  }
}

function workingParts(problem: PlanProblem, choice: PlanChoice): readonly PlanPart[] {
  checkChoice(problem, choice);
  const parts = partsOf(problem, choice);
  if (typeof parts === 'string') throw new CutpointError('CUT_INFEASIBLE', `The plan cannot run: ${parts}.`);
  return parts;
}

function stagesThere(problem: PlanProblem, part: PlanPart): Stage[] {
  const shared = (device: number) => problem.devices[device]?.sharedBy ?? 1;
  const id = (device: number) => problem.devices[device]?.id ?? '';
  const quiet = { waitMs: 0, bytes: 0 };
  if (part.kind === 'segment') {
    const { device, segmentMs, waitMs } = part;
    const what = `cuts ${part.from} to ${part.to}`;
    const latencyMs = segmentMs + waitMs;
    return [
      { kind: 'segment', where: id(device), what, latencyMs, waitMs, occupiedMs: segmentMs * shared(device), bytes: 0 },
    ];
  }
  const { from, to, encodeMs, decodeMs, upMs, bytes } = part;
  const what = `${part.codec} at cut ${part.cut}`;
  const encode = { latencyMs: encodeMs, occupiedMs: encodeMs * shared(from) };
  const decode = { latencyMs: decodeMs, occupiedMs: decodeMs * shared(to) };
  const up = { latencyMs: part.upFixedMs + upMs, waitMs: 0, occupiedMs: upMs, bytes };
  return [
    { kind: 'encode', where: id(from), what, ...encode, ...quiet },
    { kind: 'up', where: linkId(problem, part), what, ...up },
    { kind: 'decode', where: id(to), what, ...decode, ...quiet },
  ];
}

function stagesBack(problem: PlanProblem, part: PlanPart): Stage[] {
  if (part.kind === 'segment') return [];
  const { downFixedMs, downMs, answerBytes } = part;
  const down = { latencyMs: downFixedMs + downMs, waitMs: 0, occupiedMs: downMs, bytes: answerBytes };
  return [{ kind: 'down', where: linkId(problem, part), what: `answers from behind cut ${part.cut}`, ...down }];
}

function linkId(problem: PlanProblem, { from, to }: { from: number; to: number }): string {
  return problem.links[from]?.[to]?.id ?? '';
}
