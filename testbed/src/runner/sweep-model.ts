import { throwIfCancelled } from '@cutpoint/core';
import type { ModelProfile, PlanChoice, PlanProblem, Scenario } from '@cutpoint/plan';
import type { ResultRow } from '../report/results.js';
import { inScenarioTime } from '../scenarios/dilation.js';
import type { LoadedScenario } from '../scenarios/load-scenario.js';
import { problemFor, type ScenarioModel } from '../scenarios/problem-for.js';
import { withRunnableCodecs } from '../scenarios/runnable-codecs.js';
import { type ChosenPlan, choosePlans } from './choose-plans.js';
import { Deployment } from './deployment.js';
import { type Bench, measureRow } from './measure-row.js';
import { canRun, probeLinks } from './probe-links.js';
import { openReference } from './reference.js';
import { openRows } from './rows-file.js';
import { parseRow, sweepIdentity } from './sweep-identity.js';
import type { TestbedOptions } from './testbed-options.js';
import type { Wiring } from './wiring.js';

export interface ProfiledModel {
  readonly model: ScenarioModel;
  readonly profiles: Readonly<Record<string, ModelProfile>>;
}

export interface Sweep extends ProfiledModel {
  /** With dilated time. */
  readonly loaded: LoadedScenario;
  readonly wiring: Wiring;
  readonly notes: Set<string>;
  readonly dilation: number;
  readonly options: TestbedOptions;
}

/** Measures the plans of one model, one after the other; those of an earlier run are taken over. */
export async function sweepModel(sweep: Sweep): Promise<ResultRow[]> {
  const { loaded, model, profiles, wiring, notes, dilation, options } = sweep;
  const { signal, onProgress } = options;
  const { scenario } = loaded;
  const { name, hash } = model.cutModel.file;
  const say = (what: string): void => onProgress(`${name}: ${what}`);
  await using deployment = new Deployment({
    scenario,
    model: model.path,
    preprocessing: model.preprocessing,
    codecTables: model.codecTables?.path,
    wiring,
    signal,
  });
  const probed = await probeLinks(scenario, { deployment, wiring }, { dilation, signal, onProgress: say });
  const { problem, note: leftOut } = withRunnableCodecs(
    problemFor(loaded, model, profiles, probed),
    model.codecTables?.tables,
  );
  if (leftOut !== undefined) notes.add(leftOut);
  const chosen = plansOf(scenario, problem, profiles, options);
  const runnable = chosen.filter(({ choice }) => canRun(choice, wiring));
  if (runnable.length < chosen.length) {
    notes.add(`${chosen.length - runnable.length} plans need a way between devices that cannot be emulated here.`);
  }
  const identity = sweepIdentity(loaded, model, profiles, {
    secondsEach: options.secondsEach,
    emulation: options.emulation,
  });
  const rows = await openRows(options.out, {
    identity,
    resume: options.resume,
    parse: parseRow,
    name: `${name}-${hash.slice(0, 8)}`,
  });
  await using reference = await openReference(model.cutModel, { dims: model.dims, threads: 1, signal });
  // As many requests as without.
  const secondsEach = options.secondsEach * dilation;
  const bench: Bench = { loaded, model, deployment, reference, profiles, probed, secondsEach, signal };
  const done: ResultRow[] = [];
  for (const [i, plan] of runnable.entries()) {
    throwIfCancelled(signal);
    const label = labelOf(problem, plan.choice);
    say(`plan ${i + 1} of ${runnable.length}: ${label}`);
    const known = rows.known.get(label);
    const measure = async () => inScenarioTime(await measureRow(bench, plan, label), dilation);
    const row =
      known ??
      (await measure().catch((thrown: unknown) => {
        // Ctrl-C reaches the devices, too: that they have ended is then no news.
        throwIfCancelled(signal);
        throw deployment.whyBroken(thrown);
      }));
    if (known === undefined) await rows.add(label, row);
    done.push(row);
  }
  for (const note of deployment.notes) notes.add(note);
  return done;
}

/** The plans of a model that a run measures. */
export function plansOf(
  { devices, codecs }: Scenario,
  problem: PlanProblem,
  profiles: ProfiledModel['profiles'],
  { plans }: TestbedOptions,
): ChosenPlan[] {
  const measuredCuts = profiles[devices[0]?.id ?? '']?.fit.measuredCuts ?? [];
  return choosePlans(problem, { count: plans, measuredCuts, codec: codecs[0] ?? 'raw' });
}

function labelOf({ devices }: PlanProblem, choice: PlanChoice): string {
  const id = (device: number): string => devices[device]?.id ?? String(device);
  const [first = 0, ...rest] = choice.devices;
  if (rest.length === 0) return `${id(first)} alone`;
  if (rest.length === 1 && choice.cuts[0] === 0) return `${id(rest[0] ?? 0)} alone (input as ${choice.codecs[0]})`;
  return rest.reduce((text, device, i) => `${text} | ${choice.cuts[i]} ${choice.codecs[i]} | ${id(device)}`, id(first));
}
