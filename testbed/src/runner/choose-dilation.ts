import { CutpointError } from '@cutpoint/core';
import { type PlanChoice, type PlanProblem, type Scenario, stagesOf } from '@cutpoint/plan';

/**
 * The share of the machine that devices and lines may take: what computes at the same time shares caches, memory and often
 * the units of a core, so devices on a fuller machine are slower than they are alone. Two busy threads of a server's core
 * were seen to take 1.35 times as long each.
 */
const mostLoad = 0.3;
/** Of a core, for a line that is always in use, on the user-space proxy: measured at 5 and at 940 Mbit/s (docs/guides/testbed.md). */
const coresPerLine = { slow: 0.2, fast: 0.5 };
const slowMbit = 50;
/** More would take too long. */
const mostDilation = 10;
/** As daemons allow. */
const mostSlowDown = 1000;

/**
 * How many times slower time must pass so that this machine can stand for all devices of a scenario at once, with the fullest
 * of these plans: 1 where it is large enough.
 */
export function chooseDilation(
  problem: PlanProblem,
  choices: readonly PlanChoice[],
  { devices, load }: Pick<Scenario, 'devices' | 'load'>,
  cores: number,
): number {
  const busiest = Math.max(0, ...choices.map((choice) => busyCores(problem, choice, devices, load.agents)));
  const needed = Math.ceil(busiest / (mostLoad * cores) - 1e-9);
  return Math.max(1, Math.min(needed, mostDilation, Math.floor(possibleDilation(devices))));
}

/** @throws CutpointError CUT_USAGE if a device would be slowed by more than daemons allow. */
export function checkDilation(dilation: number, devices: Scenario['devices']): void {
  const most = possibleDilation(devices);
  if (dilation <= most) return;
  const message = `Time can pass at most ${Math.floor(most)} times slower here, not ${dilation} times: no device can be slowed by more than ${mostSlowDown}.`;
  throw new CutpointError('CUT_USAGE', message);
}

function possibleDilation(devices: Scenario['devices']): number {
  return mostSlowDown / Math.max(...devices.map(({ slowDown }) => slowDown));
}

/** Cores of this machine that a plan keeps busy at full rate. A slowed device computes for its share of the time, then sleeps. */
function busyCores(problem: PlanProblem, choice: PlanChoice, devices: Scenario['devices'], agents: number): number {
  const { stages, costs } = stagesOf(problem, choice);
  const coreMs = stages.map(({ kind, where, occupiedMs, bytes }) => {
    if (kind === 'up' || kind === 'down') return occupiedMs * coresOfLine(bytes, occupiedMs) * agents;
    const at = devices.findIndex(({ id }) => id === where);
    // On a shared device the requests of all agents are counted already.
    const times = (problem.devices[at]?.sharedBy ?? 1) > 1 ? 1 : agents;
    return (occupiedMs * times) / (devices[at]?.slowDown ?? 1);
  });
  return coreMs.reduce((sum, ms) => sum + ms, 0) * (costs.throughputHz / 1000);
}

function coresOfLine(bytes: number, ms: number): number {
  const mbitPerS = (bytes * 8) / 1000 / ms;
  return mbitPerS < slowMbit ? coresPerLine.slow : coresPerLine.fast;
}
