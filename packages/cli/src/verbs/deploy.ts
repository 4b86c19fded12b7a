import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { tableNamed } from '@cutpoint/codec';
import { type DeploymentId, type DeviceId, deploymentId, deviceId } from '@cutpoint/control';
import { CutpointError, systemReason } from '@cutpoint/core';
import { preprocessingBeside, readModelFile } from '@cutpoint/runtime';
import {
  type AcceptedView,
  acceptedView,
  type DeploymentRequest,
  type Ladder,
  type ModelFiles,
} from '@cutpoint/server';
import { type Command, InvalidArgumentError } from 'commander';
import { awaitRollout } from '../fleet/await-rollout.js';
import { laddersOf, type Placement } from '../fleet/ladders.js';
import { sendFile } from '../fleet/send-files.js';
import { addServerOptions, openServerApi, type ServerApi, type ServerOptions } from '../fleet/server-api.js';
import { onInterrupt } from '../interrupt.js';
import { codecTablesOption, dimHelp, parseCodecs, parseCuts, parseDim, preprocessingOption } from '../options.js';
import { openProgress, type Progress } from '../output/progress.js';
import { printResult } from '../output/result.js';
import { formatBytes } from '../output/units.js';
import type { Verb } from '../verb.js';

interface DeployOptions extends ServerOptions {
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
  example: 'cutpoint deploy model.onnx --at 12 --on pi-1,gpu-box --local-fallback',
  configure: (command) => {
    addPlacement(command.argument('<model>', 'an ONNX file, on this machine'));
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
  const placement = await placementOf(path, options);
  const ladders = laddersOf(placement);
  const api = await openServerApi(options, interrupt.signal);
  const name = options.name ?? nameOf(path);
  const sent = await sendModel(api, path, ladders, options);
  const { onServer, json } = options;
  const mutable = ladders.map(({ device, ladder }) => ({ device, ladder: [...ladder] }));
  const request: DeploymentRequest = { name, model: sent.model, ladders: mutable, onServer };
  const accepted = await post(api, request);
  if (!options.wait) {
    const text = `${name} is on its way as generation ${accepted.generation}: \`cutpoint status\` tells how far it is.\n`;
    return await printResult(json === true, { ...accepted, sentBytes: sent.sentBytes }, () => text);
  }
  const status = await awaitRollout(api, accepted, interrupt.signal);
  const devices = status.deployments.find((one) => one.name === name)?.devices ?? [];
  const result = { ...accepted, phase: status.rollout.phase, devices, sentBytes: sent.sentBytes };
  const text = `${name} is deployed to ${devices.join(', ')} (generation ${accepted.generation}).\n`;
  await printResult(json === true, result, () => text);
}

async function post(api: ServerApi, json: DeploymentRequest): Promise<AcceptedView> {
  using progress = openProgress();
  progress.show('the server cuts the model');
  return await api.ask({ method: 'POST', path: '/v1/deployments', json, answer: acceptedView, waitMs: cutMs });
}

/** @throws CutpointError CUT_USAGE where it is not said where to cut, CUT_FILE_NOT_FOUND, CUT_DEPLOYMENT */
async function placementOf(model: string, options: DeployOptions): Promise<Placement> {
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
  const message = `Say where ${basename(model)} shall run: with --plan FILE, which \`cutpoint plan ${basename(model)} --json > FILE\` writes, or with --at CUTS --on DEVICES, where \`cutpoint cuts ${basename(model)}\` and \`cutpoint devices\` list them.`;
  throw new CutpointError('CUT_USAGE', message);
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

/** Reads the model, so that what is wrong with it is said before anything is sent, and sends what the server lacks. */
async function sendModel(
  api: ServerApi,
  path: string,
  ladders: readonly Ladder[],
  { preprocessing, dim = new Map(), codecTables }: DeployOptions,
): Promise<{ model: ModelFiles; sentBytes: number }> {
  const file = await readModelFile(path, preprocessing);
  using progress = openProgress();
  let sentBytes = 0;
  const send = async (one: string, shown: Progress = progress) => {
    const sent = await sendFile(api, one, shown);
    sentBytes += sent.sentBytes;
    return sent.hash;
  };
  const hash = await send(file.path);
  const weights = [];
  for (const place of file.externalFiles) weights.push({ path: place, hash: await send(join(file.folder, place)) });
  const declared = preprocessing ?? preprocessingBeside(file.path);
  const tables = [];
  for (const table of tablesOf(ladders, codecTables)) tables.push({ name: table.name, hash: await send(table.path) });
  const model: ModelFiles = {
    name: basename(path).replace(/\.onnx$/i, ''),
    hash,
    ...(weights.length > 0 && { weights }),
    ...(file.preprocessing !== undefined && { preprocessing: await send(declared) }),
    ...(dim.size > 0 && { dims: Object.fromEntries(dim) }),
    ...(tables.length > 0 && { tables }),
  };
  if (sentBytes > 0) process.stderr.write(`sent ${formatBytes(sentBytes)} to ${api.url}\n`);
  return { model, sentBytes };
}

/** The tables that codecs of the ladders need. */
function tablesOf(ladders: readonly Ladder[], path: string | undefined): { name: string; path: string }[] {
  const codecs = ladders.flatMap(({ ladder }) => ladder.flatMap((rung) => rung.codecs));
  const names = [...new Set(codecs.flatMap((codec) => tableNamed(codec) ?? []))];
  if (names.length > 0 && path === undefined) {
    const message = `The codecs need the tables ${names.join(', ')}: give the folder that \`cutpoint calibrate\` wrote with --codec-tables.`;
    throw new CutpointError('CUT_CODEC_TABLE', message);
  }
  const folder = path ?? '';
  return names.map((name) => ({
    name,
    path: folder.endsWith(`${name}.table`) ? folder : join(folder, `${name}.table`),
  }));
}

function nameOf(path: string): DeploymentId {
  const text = basename(path)
    .toLowerCase()
    .replace(/\.onnx$/, '')
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 63)
    .replace(/^-+|-+$/g, '');
  return deploymentId.parse(text === '' ? 'model' : text);
}

function parseName(text: string): DeploymentId {
  const parsed = deploymentId.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError('A name has lowercase letters, digits and dashes.');
}

/** `--on pi-1,gpu-box`, repeatable. */
function parseChain(text: string, previous: readonly (readonly DeviceId[])[] = []): readonly (readonly DeviceId[])[] {
  return [...previous, parseDevices(text)];
}

function parseDevices(text: string): readonly DeviceId[] {
  return text.split(',').map((part) => {
    const parsed = deviceId.safeParse(part.trim());
    if (parsed.success) return parsed.data;
    throw new InvalidArgumentError('Give names as `cutpoint devices` lists them, separated by commas.');
  });
}
