import { CutpointError } from '@cutpoint/core';
import { stateHelp } from '@cutpoint/daemon/client';
import {
  baselinesOf,
  explain,
  explainText,
  fewSamplesText,
  type Objective,
  objectiveOfPick,
  objectives,
  pickNames,
  pickPlan,
  requireFront,
  type Scenario,
} from '@cutpoint/plan';
import {
  type LoadedScenario,
  loadScenario,
  openScenarioModel,
  problemFor,
  profilesFor,
  type ScenarioModel,
  withRunnableCodecs,
} from '@cutpoint/testbed';
import { noteAssumedDims } from '../assumed-dims.js';
import { sendModel } from '../fleet/send-model.js';
import { openServerApi } from '../fleet/server-api.js';
import { onInterrupt } from '../interrupt.js';
import { dimHelp, parseDim, preprocessingOption } from '../options.js';
import { openProgress } from '../output/progress.js';
import { printResult } from '../output/result.js';
import { addFleetPlanOptions, type FleetPlanOptions, planForFleet } from '../plan/fleet-plan.js';
import { fleetPlanText } from '../plan/fleet-plan-text.js';
import { addLimitOptions, limitsOf } from '../plan/limit-options.js';
import { type PickOption, parseObjectives, parsePick } from '../plan/plan-options.js';
import { planText, withNames } from '../plan/plan-text.js';
import { type WatchObjective, watchPlans } from '../plan/watch.js';
import type { Verb } from '../verb.js';

export interface PlanOptions extends FleetPlanOptions {
  readonly scenario?: string;
  readonly fleet?: true;
  readonly codecs?: string;
  readonly dim?: ReadonlyMap<string, number>;
  readonly pick?: PickOption;
  readonly explain?: true;
  readonly watch?: true;
  readonly server?: string;
  readonly state?: string;
  readonly ca?: string;
  readonly serverCa?: string;
  readonly serverTokenFile?: string;
  readonly listen?: string;
  readonly tokenFile?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly health?: string;
  readonly insecure?: true;
  readonly preprocessing?: string;
  readonly json?: true;
}

/** `cutpoint plan`: where to cut, and whether cutting is worth it. */
export const plan: Verb = {
  example: 'cutpoint plan model.onnx --scenario home-wifi --explain',
  configure: (command) =>
    addFleetPlanOptions(addLimitOptions(command))
      .argument('<model>', 'an ONNX file')
      .option('--scenario <file>', 'devices and links: a YAML file, or a name that `cutpoint testbed list` shows')
      .option('--fleet', 'plan for the devices of a running fleet instead, out of what they measure themselves')
      .option('--codecs <file>', 'what `cutpoint calibrate` measured of codecs (default: what the scenario names)')
      .option('--dim <name=value>', dimHelp, parseDim)
      .option(...preprocessingOption)
      .option(
        '--objective <names>',
        `what counts, with commas between, of ${objectives.join(', ')} (default: latency,throughput)`,
        parseObjectives,
      )
      .option(
        '--pick <rule>',
        `which plan of the front to pick: ${pickNames.join(', ')}, or objectives in the order in which they count (default: knee)`,
        parsePick,
      )
      .option('--explain', 'say where the time goes, and what would have to change for another plan to win')
      .option('--watch', 'run as an agent that keeps to the best plan while the link changes')
      .option(
        '--server <url>',
        'with --watch: the next device (default: the url that the scenario gives for one); with --fleet: the HTTP API of the server',
      )
      .option('--state <folder>', `with --fleet: ${stateHelp}`)
      .option('--ca <file>', "with --fleet: PEM file with the authority of the server's certificate")
      .option('--server-ca <file>', "with --watch: PEM file with the authority of the server's certificate")
      .option('--server-token-file <file>', 'with --watch: file with the token to present to the server')
      .option('--listen <url>', 'with --watch: address to listen on (default: as `cutpoint agent` has it)')
      .option(
        '--token-file <file>',
        'with --fleet: file with the token to present to the server; with --watch: the one that callers must present',
      )
      .option('--tls-cert <file>', 'with --watch: PEM file with the certificate to show')
      .option('--tls-key <file>', 'with --watch: PEM file with its key')
      .option('--health <url>', 'with --watch: address of the health endpoint')
      .option('--insecure', 'with --watch: listen beyond this machine without TLS and token')
      .action(planModel),
};

async function planModel(path: string, options: PlanOptions): Promise<void> {
  using interrupt = onInterrupt();
  const { signal } = interrupt;
  if (options.fleet === true) return await planFleet(path, options, signal);
  if (options.scenario === undefined) {
    throw new CutpointError('CUT_USAGE', 'Say what to plan for: --scenario FILE, or --fleet for a running fleet.');
  }
  const loaded = withDims(await loadScenario(options.scenario), options.dim);
  const { problem, model, notes } = await gather(path, loaded, options, signal);
  const limits = limitsOf(options, model.calibration);
  const { maxAccuracyLoss } = limits;
  if (maxAccuracyLoss !== undefined && options.maxLoss === undefined) {
    notes.push(
      `Plans that lose more than ${maxAccuracyLoss} are left out, as the calibration has it; --max-loss sets another limit.`,
    );
  }
  const few =
    model.calibration &&
    fewSamplesText(model.calibration.dataSet.measuredOn, maxAccuracyLoss ?? model.calibration.maxLoss);
  if (few !== undefined) notes.push(`Codecs were calibrated on few samples. ${few}`);
  for (const note of notes) process.stderr.write(`note: ${note}\n`);
  if (options.watch === true) {
    const lastCut = model.cutModel.list.cuts.length - 1;
    const runnable = withRunnableCodecs(problem, model.codecTables?.tables);
    if (runnable.note !== undefined) process.stderr.write(`note: ${runnable.note}\n`);
    await watchPlans({
      problem: runnable.problem,
      limits,
      lastCut,
      ...watchOptions(model, loaded.scenario, options),
    });
    return;
  }
  const { pick = 'knee' } = options;
  const wanted = objectivesFor(options);
  const startedAt = performance.now();
  const front = requireFront(problem, { limits, objectives: wanted });
  const solveMs = performance.now() - startedAt;
  const picked = pickPlan(front, pick);
  const baselines = baselinesOf(problem, limits);
  const alternatives = front.points.map(({ plans: [first] }) => first);
  const explanation = options.explain === undefined ? undefined : explain(problem, picked, alternatives, limits);
  const value = {
    objectives: front.objectives,
    front: front.points.flatMap(({ plans }) => plans.map((entry) => withNames(problem, entry))),
    baselines: baselines.map((baseline) => ({
      device: baseline.device,
      ...(baseline.plan === undefined ? {} : withNames(problem, baseline.plan)),
      ...('infeasible' in baseline ? { infeasible: baseline.infeasible } : {}),
    })),
    pick: withNames(problem, picked),
    solveMs,
    exact: front.exact,
    notes,
    ...(explanation === undefined ? {} : { explanation }),
  };
  await printResult(options.json === true, value, () => {
    const text = planText({
      problem,
      front,
      baselines,
      picked,
      solveMs,
      model: path,
      preprocessing: model.preprocessing,
      codecTables: model.codecTables?.path,
    });
    return explanation === undefined ? text : `${text}\n${explainText(problem, explanation)}\n`;
  });
}

async function planFleet(path: string, options: PlanOptions, signal: AbortSignal): Promise<void> {
  const wrong = (['scenario', 'codecs', 'pick', 'watch'] as const).find((name) => options[name] !== undefined);
  if (wrong !== undefined) {
    const message = `--${wrong} is not for --fleet: --objective says what counts, the first of them most.`;
    throw new CutpointError('CUT_USAGE', message);
  }
  if (options.serverCa !== undefined || options.serverTokenFile !== undefined) {
    const message = 'With --fleet, --ca and --token-file say how to ask the server, as with every verb of a fleet.';
    throw new CutpointError('CUT_USAGE', message);
  }
  const { json, explain: why } = options;
  const api = await openServerApi(options, signal);
  const { model } = await sendModel(api, path, [], options);
  const plans = await planForFleet(api, model, options, signal);
  for (const note of plans.notes) process.stderr.write(`note: ${note}\n`);
  await printResult(json === true, plans, () => fleetPlanText(plans, { isExplained: why === true }));
}

/** What the pick is about must count, or the best in it may not be on the front. */
function objectivesFor({ objective = ['latency', 'throughput'], pick = 'knee' }: PlanOptions): readonly Objective[] {
  if (pick === 'knee') return objective;
  return [...new Set([...objective, ...(typeof pick === 'string' ? [objectiveOfPick[pick]] : pick.lexicographic)])];
}

/** Sizes given on the command line come before those of the scenario. */
function withDims(loaded: LoadedScenario, dims: ReadonlyMap<string, number> = new Map()): LoadedScenario {
  const { scenario } = loaded;
  return { ...loaded, scenario: { ...scenario, dims: { ...scenario.dims, ...Object.fromEntries(dims) } } };
}

async function gather(
  path: string,
  loaded: LoadedScenario,
  { codecs: calibration, preprocessing }: PlanOptions,
  signal: AbortSignal,
) {
  using progress = openProgress();
  progress.show('running the model once to measure its shapes');
  const model = await openScenarioModel(loaded, path, { calibration, preprocessing, signal });
  noteAssumedDims(model.cutModel.assumed);
  const notes: string[] = [];
  const profiles = await profilesFor(loaded, model, {
    signal,
    onProgress: (what) => progress.show(what),
    onNote: (note) => notes.push(note),
  });
  return { model, notes, problem: problemFor(loaded, model, profiles) };
}

/** Where the agent of `--watch` finds the next device, and what it should be best in. */
function watchOptions(
  { path: model, preprocessing, codecTables }: ScenarioModel,
  { devices, dims }: Scenario,
  options: PlanOptions,
) {
  const { device, server } = nextDevice(devices, options.server);
  const objective = watchObjectives[typeof options.pick === 'string' ? options.pick : 'knee'] ?? 'latency';
  const dim = Object.entries(dims).map(([name, size]) => `${name}=${size}`);
  const { serverCa, serverTokenFile, listen, tokenFile, tlsCert, tlsKey, health, insecure } = options;
  const flags = {
    model,
    preprocessing,
    codecTables: codecTables?.path,
    server,
    serverCa,
    serverTokenFile,
    listen,
    tokenFile,
    tlsCert,
    tlsKey,
    health,
    insecure: insecure === true ? 'true' : undefined,
    threads: String(devices[0]?.threads ?? 1),
    ...(dim.length === 0 ? {} : { dim: String(dim) }),
  };
  return { device, objective, flags, json: options.json === true };
}

/** The device whose daemon the agent talks to: the one at the address given, else the first that has one. */
function nextDevice(devices: Scenario['devices'], given: string | undefined): { device: number; server: string } {
  const found = devices.findIndex(({ url }, i) => i > 0 && url !== undefined && url === (given ?? url));
  const device = found < 0 && devices.length === 2 ? 1 : found;
  const server = given ?? devices[device]?.url;
  if (server === undefined) {
    throw new CutpointError('CUT_USAGE', '--watch needs a server: give --server, or a device of the scenario its url.');
  }
  if (device > 0) return { device, server };
  const ids = devices.slice(1).map(({ id }) => id);
  const message = `Which device is at ${server}? The scenario has ${ids.join(', ')}: give that one \`url: ${server}\` there.`;
  throw new CutpointError('CUT_USAGE', message);
}

const watchObjectives: Readonly<Record<string, WatchObjective>> = {
  'max-throughput': 'throughput',
  'min-energy': 'energy',
};
