import { readFile } from 'node:fs/promises';
import { type DeploymentId, type DeviceId, deploymentId } from '@cutpoint/control/client';
import { CutpointError, systemReason } from '@cutpoint/core';
import type { Ladder } from '@cutpoint/server';
import {
  type AcceptedView,
  acceptedView,
  type DeploymentRequest,
  type FleetPlans,
  type ModelFiles,
} from '@cutpoint/server/client';
import { type Command, InvalidArgumentError } from 'commander';
import { awaitRollout } from '../fleet/await-rollout.js';
import { parseDevices } from '../fleet/device-options.js';
import { laddersOf, type Placement } from '../fleet/ladders.js';
import { nameOf, sendModel } from '../fleet/send-model.js';
import { addServerOptions, openServerApi, type ServerApi, type ServerOptions } from '../fleet/server-api.js';
import { onInterrupt } from '../interrupt.js';
import { codecTablesOption, dimHelp, parseCodecs, parseCuts, parseDim, preprocessingOption } from '../options.js';
import { openProgress } from '../output/progress.js';
import { printResult, writeOut } from '../output/result.js';
import { addFleetPlanOptions, type FleetPlanOptions, planForFleet } from '../plan/fleet-plan.js';
import { fleetPlanText } from '../plan/fleet-plan-text.js';
import { addLimitOptions } from '../plan/limit-options.js';
import { parseObjectives } from '../plan/plan-options.js';
import type { Verb } from '../verb.js';

interface DeployOptions extends ServerOptions, FleetPlanOptions {
  readonly dryRun?: true;
  readonly plan?: string;
  readonly at?: readonly number[];
  readonly on?: readonly (readonly DeviceId[])[];
  readonly codec?: readonly string[];
  readonly codecTables?: string;
  readonly spare?: readonly DeviceId[];
  readonly localFallback?: true;
  readonly onServer: boolean;
  readonly name?: DeploymentId;
  readonly preprocessing?: string;
  readonly dim?: ReadonlyMap<string, number>;
  readonly wait: boolean;
  readonly json?: true;
}

/** Cutting a large model takes its time. */
const cutMs = 280_000;

/** `cutpoint deploy`: puts a model on devices of a fleet, all or nothing. */
export const deploy: Verb = {
  example: 'cutpoint deploy model.onnx --from pi-1',
  configure: (command) => {
    addPlacement(command.argument('<model>', 'an ONNX file, on this machine'));
    addLimitOptions(addFleetPlanOptions(command))
      .option(
        '--objective <names>',
        'what a plan for the fleet shall be best in, the first most (default: latency)',
        parseObjectives,
      )
      .option('--dry-run', 'only show what would be deployed');
    addServerOptions(command)
      .option('--name <name>', 'what the deployment is called (default: after the file)', parseName)
      .option(...preprocessingOption)
      .option('--dim <name=value>', dimHelp, parseDim)
      .option('--no-wait', 'do not wait until the devices are ready')
      .action(run);
  },
};

function addPlacement(command: Command): void {
  command
    .option('--plan <file>', 'what `cutpoint plan --json` printed: its pick, then others of its front')
    .option('--at <cuts>', 'where to cut: indices as `cutpoint cuts` lists them, separated by commas', parseCuts)
    .option(
      '--on <devices>',
      'the devices of a request in order, separated by commas: one more than cuts; may be repeated for other devices where requests begin',
      parseChain,
    )
    .option(
      '--codec <spec>',
      'codec of what crosses: one for all cuts, or one for each, separated by commas',
      parseCodecs,
    )
    .option(...codecTablesOption)
    .option('--spare <devices>', 'devices that stand in for the last of the chain, separated by commas', parseDevices)
    .option('--local-fallback', 'also put the whole model where requests begin, for when all else fails')
    .option('--no-on-server', 'do not put the whole model on the server, for callers over HTTP');
}

async function run(path: string, options: DeployOptions): Promise<void> {
  using interrupt = onInterrupt();
  const { signal } = interrupt;
  const { onServer, json, dryRun } = options;
  const placement = await placementOf(options);
  const byHand = placement && laddersOf(placement);
  const api = await openServerApi(options, signal);
  const name = options.name ?? nameOf(path);
  const sent = await sendModel(api, path, byHand ?? [], options);
  const { ladders, plans } =
    byHand === undefined ? await planned(api, sent.model, options, signal) : { ladders: byHand };
  const mutable = ladders.map(({ device, ladder }) => ({ device, ladder: [...ladder] }));
  const request: DeploymentRequest = { name, model: sent.model, ladders: mutable, onServer };
  if (plans !== undefined && json !== true) await writeOut(fleetPlanText(plans, { isExplained: false }));
  const told = plans === undefined ? {} : { plans: plans.plans };
  if (dryRun === true) {
    const text = ladders.map(({ device, ladder }) => `${device}: ${ladder.map(rungText).join(', else ')}\n`).join('');
    return await printResult(json === true, { name, ladders, ...told }, () => text);
  }
  const accepted = await post(api, request);
  if (!options.wait) {
    const text = `${name} is on its way as generation ${accepted.generation}: \`cutpoint status\` tells how far it is.\n`;
    return await printResult(json === true, { ...accepted, sentBytes: sent.sentBytes, ...told }, () => text);
  }
  const status = await awaitRollout(api, accepted, signal);
  const devices = status.deployments.find((one) => one.name === name)?.devices ?? [];
  const result = { ...accepted, phase: status.rollout.phase, devices, sentBytes: sent.sentBytes, ...told };
  const text = `${name} is deployed to ${devices.join(', ')} (generation ${accepted.generation}).\n`;
  await printResult(json === true, result, () => text);
}

/** Where nobody has said where to cut, the devices measure themselves and the server plans. */
async function planned(
  api: ServerApi,
  model: ModelFiles,
  options: DeployOptions,
  signal: AbortSignal,
): Promise<{ ladders: readonly Ladder[]; plans: FleetPlans }> {
  const plans = await planForFleet(api, model, options, signal);
  for (const note of plans.notes) process.stderr.write(`note: ${note}\n`);
  const { localFallback = false, spare: spares = [] } = options;
  return { ladders: laddersOf({ plan: plans, at: [], on: [], codecs: [], localFallback, spares }), plans };
}

function rungText({ at, codecs, chain }: Ladder['ladder'][number]): string {
  return at.length === 0 ? 'alone' : `cut ${at} as ${codecs} to ${chain.join(' > ')}`;
}

async function post(api: ServerApi, json: DeploymentRequest): Promise<AcceptedView> {
  using progress = openProgress();
  progress.show('the server cuts the model');
  return await api.ask({ method: 'POST', path: '/v1/deployments', json, answer: acceptedView, waitMs: cutMs });
}

/**
 * What a person says about where to cut; undefined if nothing is.
 * @throws CutpointError CUT_USAGE if it does not fit together, CUT_FILE_NOT_FOUND, CUT_DEPLOYMENT
 */
async function placementOf(options: DeployOptions): Promise<Placement | undefined> {
  const { plan, at, on, codec: codecs, localFallback = false, spare: spares = [] } = options;
  const common = { localFallback, spares };
  if (plan !== undefined) {
    if (at === undefined && on === undefined && codecs === undefined)
      return { ...common, plan: await readPlan(plan), at: [], on: [], codecs: [] };
    throw new CutpointError(
      'CUT_USAGE',
      '--plan says where to cut, on which devices and how: leave out --at, --on and --codec.',
    );
  }
  if (on !== undefined) return { ...common, at: at ?? [], on, codecs: codecs ?? ['raw'] };
  if (at !== undefined)
    throw new CutpointError('CUT_USAGE', '--at needs --on: the devices in order, such as --on pi-1,gpu-box.');
  if (codecs === undefined) return undefined;
  throw new CutpointError('CUT_USAGE', '--codec needs --at and --on: a plan for the fleet chooses its codecs itself.');
}

async function readPlan(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new CutpointError('CUT_FILE_NOT_FOUND', `The plan ${path} cannot be read: ${systemReason(cause)}.`, {
      cause,
    });
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new CutpointError('CUT_DEPLOYMENT', `${path} is not what \`cutpoint plan --json\` prints: it is no JSON.`);
  }
}

function parseName(text: string): DeploymentId {
  const parsed = deploymentId.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError(`A name has lowercase letters, digits and dashes: ${nameOf(text)} would do.`);
}

/** `--on pi-1,gpu-box`, repeatable. */
function parseChain(text: string, previous: readonly (readonly DeviceId[])[] = []): readonly (readonly DeviceId[])[] {
  return [...previous, parseDevices(text)];
}
