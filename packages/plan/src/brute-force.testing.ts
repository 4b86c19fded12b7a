import type { PlanLimits } from './limits.js';
import type { Objective, PlanChoice, PlanCosts, PlanProblem } from './problem.js';

/** An oracle that shares nothing with the planner: it writes every plan down, and its costs from the definitions. */

type Costed = PlanChoice & PlanCosts;

/** Every plan that can run. */
export function everyPlan(problem: PlanProblem): Costed[] {
  const plans: Costed[] = [];
  const extend = (choice: PlanChoice) => {
    const costs = costsByDefinition(problem, choice);
    if (costs !== undefined) plans.push({ ...choice, ...costs });
    const device = choice.devices.at(-1) ?? 0;
    const firstCut = choice.cuts.length === 0 ? 0 : (choice.cuts.at(-1) ?? 0) + 1;
    for (let next = device + 1; next < problem.devices.length; next++) {
      for (let cut = firstCut; cut <= problem.cuts - 2; cut++) {
        for (const { id } of problem.codecs) {
          extend({
            devices: [...choice.devices, next],
            cuts: [...choice.cuts, cut],
            codecs: [...choice.codecs, id],
          });
        }
      }
    }
  };
  extend({ devices: [0], cuts: [], codecs: [] });
  return plans;
}

/** The costs of a plan, or undefined if it cannot run. Written from the definitions, apart from the planner's. */
export function costsByDefinition(problem: PlanProblem, { devices, cuts, codecs }: PlanChoice): PlanCosts | undefined {
  const busyMs = new Map<number, number>();
  const onAirMs = new Map<number, number>();
  const stages: number[] = [];
  const tell = (map: Map<number, number>, device: number, ms: number) => map.set(device, (map.get(device) ?? 0) + ms);
  let latencyMs = 0;
  let wireBytes = 0;
  let accuracyLoss = 0;
  let peakMemoryBytes = 0;
  for (const [i, index] of devices.entries()) {
    const device = problem.devices[index];
    const from = i === 0 ? 0 : (cuts[i - 1] ?? 0);
    const to = i === cuts.length ? problem.cuts - 1 : (cuts[i] ?? 0);
    if (device === undefined) return undefined;
    if (from === to) continue;
    const ms = device.segmentMs(from, to);
    if (ms === undefined || device.memoryBytes(from, to) > device.memoryLimitBytes) return undefined;
    latencyMs += ms;
    if (device.arrivalHz === undefined) latencyMs += ((device.sharedBy - 1) / 2) * ms;
    else {
      const rho = (device.arrivalHz * device.sharedBy * ms) / 1000;
      if (rho >= 1) return undefined;
      latencyMs += (rho / (1 - rho)) * (ms / 2);
    }
    stages.push(ms * device.sharedBy);
    tell(busyMs, index, ms);
    if (device.edge) peakMemoryBytes = Math.max(peakMemoryBytes, device.memoryBytes(from, to));
  }
  for (const [i, cut] of cuts.entries()) {
    const sender = devices[i] ?? 0;
    const receiver = devices[i + 1] ?? 0;
    const link = problem.links[sender]?.[receiver];
    const codec = problem.codecs.find(({ id }) => id === codecs[i]);
    const bytes = codec?.bytes(cut);
    if (link === undefined || codec === undefined || bytes === undefined) return undefined;
    const answer = problem.answerBytes[cut] ?? 0;
    const upMs = (1000 * bytes) / link.up.bytesPerS;
    const downMs = (1000 * answer) / link.down.bytesPerS;
    const encodeMs = codec.encodeMs(cut, sender);
    const decodeMs = codec.decodeMs(cut, receiver);
    latencyMs += encodeMs + decodeMs + link.up.fixedMs + upMs + link.down.fixedMs + downMs;
    stages.push(upMs, downMs);
    stages.push(
      encodeMs * (problem.devices[sender]?.sharedBy ?? 1),
      decodeMs * (problem.devices[receiver]?.sharedBy ?? 1),
    );
    tell(busyMs, sender, encodeMs);
    tell(busyMs, receiver, decodeMs);
    tell(onAirMs, sender, upMs + downMs);
    tell(onAirMs, receiver, upMs + downMs);
    wireBytes += bytes + answer;
    accuracyLoss += codec.accuracyLoss(cut);
  }
  let energyMJ = 0;
  for (let index = 0; index <= (devices.at(-1) ?? 0); index++) {
    const device = problem.devices[index];
    if (device === undefined || !device.edge) continue;
    const { idleW, busyW, networkW } = device.power;
    energyMJ += idleW * latencyMs;
    energyMJ += Math.max(0, busyW - idleW) * (busyMs.get(index) ?? 0) + networkW * (onAirMs.get(index) ?? 0);
  }
  const throughputHz = 1000 / Math.max(...stages);
  return { latencyMs, throughputHz, edgeEnergyJ: energyMJ / 1000, peakMemoryBytes, wireBytes, accuracyLoss };
}

/** The costs in a plan that count, smaller is better. */
export function valuesOf(costs: PlanCosts, objectives: readonly Objective[]): number[] {
  const all: Record<Objective, number> = {
    latency: costs.latencyMs,
    throughput: -costs.throughputHz,
    energy: costs.edgeEnergyJ,
    memory: costs.peakMemoryBytes,
    bytes: costs.wireBytes,
    accuracy: costs.accuracyLoss,
  };
  return objectives.map((objective) => all[objective]);
}

export function withinLimits(costs: PlanCosts, limits: PlanLimits): boolean {
  return (
    costs.latencyMs <= (limits.maxLatencyMs ?? Infinity) &&
    costs.throughputHz >= (limits.minThroughputHz ?? 0) &&
    costs.edgeEnergyJ <= (limits.maxEdgeEnergyJ ?? Infinity) &&
    costs.peakMemoryBytes <= (limits.maxPeakMemoryBytes ?? Infinity) &&
    costs.wireBytes <= (limits.maxWireBytes ?? Infinity) &&
    costs.accuracyLoss <= (limits.maxAccuracyLoss ?? Infinity)
  );
}

/** Every plan that none beats, equals included. */
export function frontByBruteForce<T extends PlanCosts>(
  plans: readonly T[],
  objectives: readonly Objective[],
  limits: PlanLimits = {},
): T[] {
  const allowed = plans
    .filter((plan) => withinLimits(plan, limits))
    .map((plan) => ({ plan, values: valuesOf(plan, objectives) }));
  const beaten = (values: readonly number[]) =>
    allowed.some(
      ({ values: others }) =>
        others.every((other, i) => other <= (values[i] ?? 0)) && others.some((other, i) => other < (values[i] ?? 0)),
    );
  return allowed.filter(({ values }) => !beaten(values)).map(({ plan }) => plan);
}
