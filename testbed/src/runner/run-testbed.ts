import { cpus } from 'node:os';
import { CutpointError, throwIfCancelled } from '@cutpoint/core';
import type { PlanChoice, PlanProblem } from '@cutpoint/plan';
import { type EmulationChoice, openNetwork } from '../links/network.js';
import { errorsOf, type ResultRow, type Results, rankingsOf } from '../report/results.js';
import { type LoadedScenario, loadScenario } from '../scenarios/load-scenario.js';
import { openScenarioModel, problemFor, profilesFor, type ScenarioModel } from '../scenarios/problem-for.js';
import { withRunnableCodecs } from '../scenarios/runnable-codecs.js';
import { choosePlans } from './choose-plans.js';
import { Deployment } from './deployment.js';
import { type Bench, measureRow } from './measure-row.js';
import { canRun, probeLinks } from './probe-links.js';
import { openReference } from './reference.js';
import { openRows, prepareFolder } from './rows-file.js';
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
  await prepareFolder(options.out);
  const notes = new Set<string>();
  await using network = await openNetwork(loaded.scenario, { emulation: options.emulation, traces: loaded.traces });
  for (const note of network.notes) notes.add(note);
  const wiring = wiringOf(loaded, network);
  const rows: ResultRow[] = [];
  for (const path of paths) {
    const model = await openScenarioModel(loaded, path, { signal: options.signal });
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
    rankings: rankingsOf(rows),
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

async function sweepModel(sweep: Sweep): Promise<ResultRow[]> {
  const { loaded, model, wiring, notes, options } = sweep;
  const { signal, onProgress } = options;
  const { scenario } = loaded;
  const { name, hash } = model.cutModel.file;
  const say = (what: string): void => onProgress(`${name}: ${what}`);
  const onNote = (note: string): void => {
    notes.add(note);
  };
  const profiles = await profilesFor(loaded, model, { signal, onProgress: say, onNote });
  await using deployment = new Deployment({
    scenario,
    model: model.path,
    preprocessing: model.preprocessing,
    codecTables: model.codecTables?.path,
    wiring,
    signal,
  });
  const probed = await probeLinks(scenario, { deployment, wiring }, { signal, onProgress: say });
  const { problem, note: leftOut } = withRunnableCodecs(
    problemFor(loaded, model, profiles, probed),
    model.codecTables?.tables,
  );
  if (leftOut !== undefined) notes.add(leftOut);
  const measuredCuts = profiles[scenario.devices[0]?.id ?? '']?.fit.measuredCuts ?? [];
  const [codec = 'raw'] = scenario.codecs;
  const chosen = choosePlans(problem, { count: options.plans, measuredCuts, codec });
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
  const { secondsEach } = options;
  const bench: Bench = { loaded, model, deployment, reference, profiles, probed, secondsEach, signal };
  const done: ResultRow[] = [];
  for (const [i, plan] of runnable.entries()) {
    throwIfCancelled(signal);
    const label = labelOf(problem, plan.choice);
    say(`plan ${i + 1} of ${runnable.length}: ${label}`);
    const known = rows.known.get(label);
    const row =
      known ??
      (await measureRow(bench, plan, label).catch((thrown: unknown) => {
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

function labelOf({ devices }: PlanProblem, choice: PlanChoice): string {
  const id = (device: number): string => devices[device]?.id ?? String(device);
  const [first = 0, ...rest] = choice.devices;
  if (rest.length === 0) return `${id(first)} alone`;
  if (rest.length === 1 && choice.cuts[0] === 0) return `${id(rest[0] ?? 0)} alone (input as ${choice.codecs[0]})`;
  return rest.reduce((text, device, i) => `${text} | ${choice.cuts[i]} ${choice.codecs[i]} | ${id(device)}`, id(first));
}
