import { cpus } from 'node:os';
import { type CodecId, codecIds } from '@cutpoint/codec';
import { CutpointError, throwIfCancelled } from '@cutpoint/core';
import type { SplitChoice } from '@cutpoint/daemon';
import type { ModelProfile, PlanChoice, PlanProblem, ProbedLink } from '@cutpoint/plan';
import { concreteInputs, randomInputs } from '@cutpoint/runtime';
import { type EmulationChoice, openNetwork } from '../links/network.js';
import { errorsOf, type ResultRow, type Results } from '../report/results.js';
import { type LoadedScenario, loadScenario } from '../scenarios/load-scenario.js';
import { openScenarioModel, problemFor, profilesFor, type ScenarioModel } from '../scenarios/problem-for.js';
import { type ChosenPlan, choosePlans } from './choose-plans.js';
import { Deployment } from './deployment.js';
import { measurePlan } from './measure-plan.js';
import { predict, scaledProfile } from './predict.js';
import { canRun, probeLinks } from './probe-links.js';
import { openReference, type Reference } from './reference.js';
import { openRows, type RowsFile } from './rows-file.js';
import { parseRow, sweepIdentity } from './sweep-identity.js';
import { type Wiring, wiringOf } from './wiring.js';

export interface TestbedOptions {
  /** Path of a scenario, or the name of a shipped one. */
  readonly scenario: string;
  /** Instead of the scenario's own models. */
  readonly models?: readonly string[];
  /** Folder for the rows, so that an interrupted sweep can go on. */
  readonly out: string;
  readonly resume: boolean;
  readonly emulation: EmulationChoice;
  /** About so many plans of each model, beside the single devices. */
  readonly plans: number;
  /** How long each of the two measurements of a plan takes, roughly. */
  readonly secondsEach: number;
  readonly signal: AbortSignal;
  readonly onProgress: (what: string) => void;
}

/**
 * Runs a scenario: profiles the models, probes the links, computes the front, and measures its plans, the single devices
 * and a sample of other plans on real processes, beside what was predicted for them.
 * @throws CutpointError CUT_SCENARIO, CUT_EMULATION, CUT_USAGE, and what profiling, probing and running throw.
 */
export async function runTestbed(options: TestbedOptions): Promise<Results> {
  const loaded = await loadScenario(options.scenario);
  const paths = options.models ?? loaded.models;
  if (paths.length === 0) {
    throw new CutpointError('CUT_SCENARIO', `${loaded.path} names no models: add some, or give --model.`);
  }
  const notes = new Set<string>();
  await using network = await openNetwork(loaded.scenario, { emulation: options.emulation, traces: loaded.traces });
  for (const note of network.notes) notes.add(note);
  const wiring = wiringOf(loaded, network);
  const rows: ResultRow[] = [];
  for (const path of paths) {
    const model = await openScenarioModel(loaded, path, options.signal);
    rows.push(...(await sweepModel({ loaded, model, wiring, notes, options })));
  }
  const { name, title, description } = loaded.scenario;
  return {
    format: 'cutpoint-testbed-results',
    version: 1,
    scenario: { name, title, description },
    emulation: loaded.scenario.links.length === 0 ? 'none' : network.emulation,
    machine: `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, Node.js ${process.version}`,
    date: new Date().toISOString(),
    rows,
    ...errorsOf(rows),
    notes: [...notes],
  };
}

interface Sweep {
  readonly loaded: LoadedScenario;
  readonly model: ScenarioModel;
  readonly wiring: Wiring;
  readonly notes: Set<string>;
  readonly options: TestbedOptions;
}

/** What the plans of one model are measured with. */
interface Bench {
  readonly deployment: Deployment;
  readonly reference: Reference;
  readonly profiles: Readonly<Record<string, ModelProfile>>;
  readonly probed: readonly ProbedLink[];
  readonly rows: RowsFile<ResultRow>;
}

async function sweepModel(sweep: Sweep): Promise<ResultRow[]> {
  const { loaded, model, wiring, notes, options } = sweep;
  const { signal, onProgress } = options;
  const { scenario } = loaded;
  const name = model.cutModel.file.name;
  const say = (what: string): void => onProgress(`${name}: ${what}`);
  const onNote = (note: string): void => {
    notes.add(note);
  };
  const profiles = await profilesFor(loaded, model, { signal, onProgress: say, onNote });
  await using deployment = new Deployment({
    scenario,
    model: model.path,
    preprocessing: model.preprocessing,
    wiring,
    signal,
  });
  const probed = await probeLinks(scenario, { deployment, wiring }, { signal, onProgress: say });
  const problem = problemFor(loaded, model, profiles, probed);
  const measuredCuts = profiles[scenario.devices[0]?.id ?? '']?.fit.measuredCuts ?? [];
  const [codec = 'raw'] = scenario.codecs;
  const chosen = choosePlans(problem, { count: options.plans, measuredCuts, codec });
  const runnable = chosen.filter(({ choice }) => canRun(choice, wiring));
  if (runnable.length < chosen.length) {
    notes.add(`${chosen.length - runnable.length} plans need a way between devices that cannot be emulated here.`);
  }
  const identity = sweepIdentity(scenario, model, profiles);
  const rows = await openRows(options.out, { identity, resume: options.resume, parse: parseRow, name });
  await using reference = await openReference(model.cutModel, { dims: model.dims, threads: 1, signal });
  const bench: Bench = { deployment, reference, profiles, probed, rows };
  const done: ResultRow[] = [];
  for (const [i, plan] of runnable.entries()) {
    throwIfCancelled(signal);
    const label = labelOf(problem, plan.choice);
    say(`plan ${i + 1} of ${runnable.length}: ${label}`);
    done.push(rows.known.get(label) ?? (await measureRow(sweep, bench, { plan, label })));
  }
  for (const note of deployment.notes) notes.add(note);
  return done;
}

/** Beyond this the machine was too unlike what it was during the profile or at the other end of the run. */
const mostDrift = 0.05;
const mostRepeats = 2;

/**
 * Measures one plan between two runs of the reference. Where the machine's speed changed meanwhile, it is measured again,
 * and the steadiest run counts. The prediction is for the speed the machine had: the profile's times, scaled as the
 * reference was.
 */
async function measureRow(
  { loaded, model, options }: Sweep,
  { deployment, reference, profiles, probed, rows }: Bench,
  { plan, label }: { plan: ChosenPlan; label: string },
): Promise<ResultRow> {
  const { choice } = plan;
  const { scenario } = loaded;
  const inputs = randomInputs(concreteInputs(model.cutModel.inputs, model.dims).inputs);
  const agents = await deployment.agentsFor(choice);
  const first = predict(problemFor(loaded, model, profiles, probed), choice);
  let best: { drift: number; referenceMs: number; measured: Awaited<ReturnType<typeof measurePlan>> } | undefined;
  for (let attempt = 0; attempt <= mostRepeats && (best === undefined || best.drift > mostDrift); attempt++) {
    const before = await reference.measure();
    const measured = await measurePlan({
      agents,
      choice: splitOf(choice, model),
      inputs,
      requestsInFlight: Math.min(64, first.requestsInFlight + 2),
      rateHz: scenario.load.rateHz,
      secondsEach: options.secondsEach,
      signal: options.signal,
    });
    const after = await reference.measure();
    const drift = Math.max(before, after) / Math.min(before, after) - 1;
    if (best === undefined || drift < best.drift) best = { drift, referenceMs: (before + after) / 2, measured };
  }
  if (best === undefined) throw new CutpointError('CUT_INTERNAL', 'A plan was not measured.');
  const { measured, referenceMs } = best;
  const row = rowOf({ plan, label, measured, referenceMs, predicted: predictAt(referenceMs), scenario, model });
  await rows.add(label, row);
  return row;

  function predictAt(speedMs: number) {
    const scaled = Object.fromEntries(
      Object.entries(profiles).map(([id, profile]) => [id, scaledProfile(profile, speedMs / profile.fit.referenceMs)]),
    );
    return predict(problemFor(loaded, model, scaled, probed), choice);
  }
}

function rowOf({
  plan: { choice, why, heldOut },
  label,
  measured,
  predicted,
  referenceMs,
  scenario,
  model,
}: {
  plan: ChosenPlan;
  label: string;
  measured: Awaited<ReturnType<typeof measurePlan>>;
  predicted: ReturnType<typeof predict>;
  referenceMs: number;
  scenario: LoadedScenario['scenario'];
  model: ScenarioModel;
}): ResultRow {
  return {
    model: model.cutModel.file.name,
    plan: {
      devices: choice.devices.map((device) => scenario.devices[device]?.id ?? String(device)),
      cuts: [...choice.cuts],
      codecs: [...choice.codecs],
      label,
    },
    predicted: { latencyMs: predicted.latencyMs, throughputHz: predicted.throughputHz },
    measured: { latencyMs: measured.latencyMs, throughputHz: measured.throughputHz, p99Ms: measured.p99Ms },
    parts: {
      predicted: { computeMs: predicted.computeMs, linkMs: predicted.linkMs },
      measured: { computeMs: measured.computeMs, linkMs: measured.linkMs },
    },
    baseline: why === 'baseline',
    heldOut,
    referenceMs,
  };
}

/** The split as daemons know it: a device alone is cut behind the last node. */
function splitOf({ cuts, codecs }: PlanChoice, { cutModel }: ScenarioModel): SplitChoice {
  if (cuts.length === 0) return { at: [cutModel.list.cuts.length - 1], codecs: ['raw'] };
  return { at: [...cuts], codecs: codecs.map(codecOf) };
}

function codecOf(id: string): CodecId {
  const codec = codecIds.find((known) => known === id);
  if (codec === undefined)
    throw new CutpointError('CUT_SCENARIO', `Devices have no codec "${id}": ${codecIds.join(', ')}.`);
  return codec;
}

function labelOf({ devices }: PlanProblem, choice: PlanChoice): string {
  const id = (device: number): string => devices[device]?.id ?? String(device);
  const [first = 0, ...rest] = choice.devices;
  if (rest.length === 0) return `${id(first)} alone`;
  if (rest.length === 1 && choice.cuts[0] === 0) return `${id(rest[0] ?? 0)} alone (input as ${choice.codecs[0]})`;
  return rest.reduce((text, device, i) => `${text} | ${choice.cuts[i]} ${choice.codecs[i]} | ${id(device)}`, id(first));
}
