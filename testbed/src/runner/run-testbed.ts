import { availableParallelism, cpus } from 'node:os';
import { CutpointError } from '@cutpoint/core';
import { obstacleTo, openNetwork } from '../links/network.js';
import { errorsOf, type ResultRow, type Results, rankingsOf } from '../report/results.js';
import { dilated } from '../scenarios/dilation.js';
import { type LoadedScenario, loadScenario } from '../scenarios/load-scenario.js';
import { openScenarioModel, problemFor, profilesFor } from '../scenarios/problem-for.js';
import { withRunnableCodecs } from '../scenarios/runnable-codecs.js';
import { checkDilation, chooseDilation } from './choose-dilation.js';
import { prepareFolder } from './rows-file.js';
import { type ProfiledModel, plansOf, sweepModel } from './sweep-model.js';
import type { TestbedOptions } from './testbed-options.js';
import { wiringOf } from './wiring.js';

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
  if (options.dilation !== 'auto') checkDilation(options.dilation, loaded.scenario.devices);
  // Said before the models are profiled, which takes a minute.
  await obstacleTo(options.emulation, loaded.traces);
  await prepareFolder(options.out);
  const notes = new Set<string>();
  const profiled = await profiledModels(loaded, paths, notes, options);
  const dilation = options.dilation === 'auto' ? neededDilation(loaded, profiled, options) : options.dilation;
  if (dilation > 1) notes.add(dilationText(dilation));
  const slowed = dilated(loaded, dilation);
  const { scenario, traces } = slowed;
  await using network = await openNetwork(scenario, { emulation: options.emulation, traces });
  for (const note of network.notes) notes.add(note);
  const wiring = wiringOf(slowed, network);
  const rows: ResultRow[] = [];
  for (const { model, profiles } of profiled) {
    rows.push(...(await sweepModel({ loaded: slowed, model, profiles, wiring, notes, dilation, options })));
  }
  const { name, title, description } = loaded.scenario;
  return {
    format: 'cutpoint-testbed-results',
    version: 1,
    scenario: { name, title, description },
    emulation: loaded.scenario.links.length === 0 ? 'none' : network.emulation,
    dilation,
    machine: `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, Node.js ${process.version}`,
    date: new Date().toISOString(),
    rows,
    ...errorsOf(rows),
    rankings: rankingsOf(rows),
    notes: [...notes],
  };
}

async function profiledModels(
  loaded: LoadedScenario,
  paths: readonly string[],
  notes: Set<string>,
  { signal, onProgress }: TestbedOptions,
): Promise<ProfiledModel[]> {
  const profiled: ProfiledModel[] = [];
  for (const path of paths) {
    const model = await openScenarioModel(loaded, path, { signal });
    const { name } = model.cutModel.file;
    const profiles = await profilesFor(loaded, model, {
      signal,
      onProgress: (what) => onProgress(`${name}: ${what}`),
      onNote: (note) => notes.add(note),
    });
    profiled.push({ model, profiles });
  }
  return profiled;
}

/** What the fullest of the plans needs that will be run, as far as the links' stated figures tell. */
function neededDilation(loaded: LoadedScenario, profiled: readonly ProfiledModel[], options: TestbedOptions): number {
  const needed = profiled.map((one) => {
    const { problem } = withRunnableCodecs(problemFor(loaded, one.model, one.profiles), one.model.codecTables?.tables);
    const choices = plansOf(loaded.scenario, problem, one.profiles, options).map(({ choice }) => choice);
    return chooseDilation(problem, choices, loaded.scenario, availableParallelism());
  });
  return Math.max(1, ...needed);
}

function dilationText(factor: number): string {
  const cores = availableParallelism() === 1 ? 'core' : `${availableParallelism()} cores`;
  return `Time passed ${factor} times slower in the emulation, so that devices that share this machine's ${cores} do not slow one another. All figures are in the scenario's own time.`;
}
