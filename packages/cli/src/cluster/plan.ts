import { dirname, resolve } from 'node:path';
import { CutpointError } from '@cutpoint/core';
import { readJson } from '@cutpoint/daemon';
import { type CacheKind, clusterModel, type PackageManifest, readPackage } from '@cutpoint/llm';
import {
  type ClusterDevices,
  clusterProblemOf,
  explainClusterPlan,
  type LinkProfile,
  parseClusterDevices,
  parseLinkProfile,
  requireClusterFront,
} from '@cutpoint/plan';
import { Option } from 'commander';
import { cacheOption } from '../llm/cache-option.js';
import { type OwnCalibration, readOwnCalibration } from '../llm/own-calibration.js';
import { parsePositive } from '../options.js';
import { printResult } from '../output/result.js';
import type { Verb } from '../verb.js';
import { clusterPlanText, namedPlan } from './plan-text.js';

interface PlanOptions {
  readonly devices: string;
  readonly length?: number;
  readonly prompt?: number;
  readonly cache: CacheKind;
  readonly payload: keyof typeof valueBytes;
  readonly explain?: true;
  readonly json?: true;
}

/** Bytes of a value of a partial sum; i8 has a scale of four bytes for each block of 32. */
const valueBytes = { f32: 4, f16: 2, i8: 1 + 4 / 32 } as const;

/** `cutpoint cluster plan`: over which devices a language model runs, and what each of them has. */
export const clusterPlanVerb: Verb = {
  example: 'cutpoint cluster plan llama --devices home.json --length 512 --explain',
  configure: (command) =>
    command
      .argument('<package>', 'a folder that `cutpoint llm import` made')
      .requiredOption('--devices <file>', 'devices and links, as docs/cluster.md describes the file')
      .option(
        '--length <n>',
        "tokens of the texts, prompts included (default: 512, or the model's context)",
        parsePositive,
      )
      .option('--prompt <n>', 'tokens of the prompts (default: half the length)', parsePositive)
      .addOption(cacheOption())
      .addOption(payloadOption())
      .option('--explain', 'say what binds, what each device gives, and what one more would do')
      .action(run),
};

async function run(folder: string, options: PlanOptions): Promise<void> {
  const { cache, payload } = options;
  const { manifest } = await readPackage(folder);
  const length = options.length ?? Math.min(512, manifest.config.contextTokens);
  const file = parseClusterDevices(await readJson(options.devices), options.devices);
  if (length > manifest.config.contextTokens) {
    const message = `A text of ${length} tokens is longer than the model's context of ${manifest.config.contextTokens}.`;
    throw new CutpointError('CUT_USAGE', message);
  }
  const problem = clusterProblemOf({
    model: clusterModel(manifest, cache),
    file,
    calibrations: await calibrationsOf(file, dirname(options.devices), folder, manifest),
    linkProfiles: await linkProfilesOf(file, dirname(options.devices)),
    cache,
    promptTokens: options.prompt ?? Math.max(1, Math.floor(length / 2)),
    lengthTokens: length,
    valueBytes: valueBytes[payload],
  });
  const front = requireClusterFront(problem);
  const [pick] = front.points;
  if (pick === undefined) throw new CutpointError('CUT_INTERNAL', 'A front has no plan.');
  const explanation = options.explain === undefined ? undefined : explainClusterPlan(problem, front, pick);
  const value = {
    pick: namedPlan(problem, pick),
    front: front.points.map((plan) => namedPlan(problem, plan)),
    bestOfKind: front.bestOfKind.map((plan) => namedPlan(problem, plan)),
    alone: front.alone.map(({ device, plan, why }) => ({
      device,
      plan: plan === undefined ? null : namedPlan(problem, plan),
      why: why ?? null,
    })),
    isExact: front.isExact,
    ...(explanation !== undefined && { explanation: explanation.sentences }),
  };
  await printResult(options.json === true, value, () => clusterPlanText({ problem, front, pick, explanation }));
}

async function calibrationsOf(
  file: ClusterDevices,
  beside: string,
  folder: string,
  manifest: PackageManifest,
): Promise<Map<string, OwnCalibration>> {
  const paths = file.devices.flatMap(({ speed }) => (speed.kind === 'calibration' ? [speed.file] : []));
  const read = [...new Set(paths)].map(
    async (path) => [path, await readOwnCalibration(resolve(beside, path), folder, manifest)] as const,
  );
  return new Map(await Promise.all(read));
}

async function linkProfilesOf({ links }: ClusterDevices, beside: string): Promise<Map<string, LinkProfile>> {
  const paths = links.flatMap((link) => ('profile' in link ? [link.profile] : []));
  const read = paths.map(async (path) => [path, parseLinkProfile(await readJson(resolve(beside, path)))] as const);
  return new Map(await Promise.all(read));
}

function payloadOption(): Option {
  const what = 'how partial sums travel: f32, f16, or i8, signed bytes with a scale for each 32';
  return new Option('--payload <kind>', what).choices(Object.keys(valueBytes)).default('f32');
}
