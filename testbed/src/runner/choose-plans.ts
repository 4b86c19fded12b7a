import { type PlanChoice, type PlanProblem, paretoFront, tryCosts } from '@cutpoint/plan';

/** A plan that will be run. */
export interface ChosenPlan {
  readonly choice: PlanChoice;
  /** `front`: predicted to be on the Pareto front. `baseline`: one device does everything. `sample`: neither. */
  readonly why: 'front' | 'baseline' | 'sample';
  /** None of its cuts was measured for the profile, so the prediction rests on the fit alone. */
  readonly heldOut: boolean;
}

export interface ChooseOptions {
  /** About so many plans, beside the baselines. */
  readonly count: number;
  /** Cuts whose segments were measured for the profile. */
  readonly measuredCuts: readonly number[];
  /** Codec of the sampled plans. */
  readonly codec: string;
}

/**
 * Which plans to run: every device alone, the predicted front (thinned evenly if it is large), and a sample of other
 * plans spread over the cuts that the profile has not measured, so that predictions can be judged where they may fail.
 */
export function choosePlans(problem: PlanProblem, options: ChooseOptions): ChosenPlan[] {
  const front = paretoFront(problem).points.map(({ plans: [plan] }) => choiceOf(plan));
  const half = Math.ceil(options.count / 2);
  const samples = sampledChoices(problem, options.count - Math.min(half, front.length), options);
  const chosen = [
    ...alone(problem).map((choice) => ({ choice, why: 'baseline' as const })),
    ...evenly(front, half).map((choice) => ({ choice, why: 'front' as const })),
    ...samples.map((choice) => ({ choice, why: 'sample' as const })),
  ];
  const measured = new Set(options.measuredCuts);
  const seen = new Set<string>();
  return chosen.flatMap(({ choice, why }) => {
    const key = JSON.stringify([choice.devices, choice.cuts, choice.codecs]);
    if (seen.has(key)) return [];
    seen.add(key);
    const heldOut = choice.cuts.length > 0 && choice.cuts.every((cut) => !measured.has(cut));
    return [{ choice, why, heldOut }];
  });
}

function choiceOf({ devices, cuts, codecs }: PlanChoice): PlanChoice {
  return { devices, cuts, codecs };
}

/** Each device that can run the whole model. */
function alone(problem: PlanProblem): PlanChoice[] {
  const choices = problem.devices.map(
    (_, device): PlanChoice =>
      device === 0
        ? { devices: [0], cuts: [], codecs: [] }
        : { devices: [0, device], cuts: [0], codecs: [problem.codecs[0]?.id ?? 'raw'] },
  );
  return choices.filter((choice) => typeof tryCosts(problem, choice) !== 'string');
}

/** Plans of every possible chain of devices, in turn, at cuts spread over those that were not measured. */
function sampledChoices(problem: PlanProblem, count: number, { measuredCuts, codec }: ChooseOptions): PlanChoice[] {
  const inner = Array.from({ length: problem.cuts - 2 }, (_, i) => i + 1);
  const free = inner.filter((cut) => !measuredCuts.includes(cut));
  const chains = chainsOf(problem.devices.length);
  const choices: PlanChoice[] = [];
  for (let turn = 0; turn < count; turn++) {
    const devices = chains[turn % chains.length];
    if (devices === undefined) break;
    const hops = devices.length - 1;
    const slots = Math.ceil(count / chains.length);
    const slot = Math.floor(turn / chains.length);
    const cuts = Array.from(
      { length: hops },
      (_, hop) => free[Math.floor(((slot + 0.5) / slots + hop) * (free.length / hops))],
    );
    const picked = cuts.filter((cut): cut is number => cut !== undefined);
    const choice = { devices, cuts: picked, codecs: picked.map(() => codec) };
    const ascends = picked.every((cut, i) => i === 0 || cut > (picked[i - 1] ?? cut));
    if (picked.length === hops && ascends && typeof tryCosts(problem, choice) !== 'string') choices.push(choice);
  }
  return choices;
}

/** Every chain of two or more devices that begins at the first. */
function chainsOf(devices: number): number[][] {
  const rest = (from: number): number[][] =>
    from === devices ? [[]] : rest(from + 1).flatMap((chain) => [chain, [from, ...chain]]);
  return rest(1)
    .filter((chain) => chain.length > 0)
    .map((chain) => [0, ...chain]);
}

/** At most `count` of a list, evenly spread, the first and the last among them. */
function evenly<T>(list: readonly T[], count: number): T[] {
  if (list.length <= count) return [...list];
  if (count < 2) return list.slice(0, count);
  return Array.from({ length: count }, (_, i) => list[Math.round((i * (list.length - 1)) / (count - 1))] as T);
}
