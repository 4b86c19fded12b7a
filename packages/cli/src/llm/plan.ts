import { CutpointError } from '@cutpoint/core';
import { readJson } from '@cutpoint/daemon';
import { readPackage } from '@cutpoint/llm';
import {
  explainLlmPlan,
  type LlmCalibration,
  type LlmLimits,
  llmProblemOf,
  type PlanLink,
  parseLinkProfile,
  parseLlmCalibration,
  pickLlmPlan,
  requireLlmFront,
} from '@cutpoint/plan';
import { parsePositive } from '../options.js';
import { printResult } from '../output/result.js';
import { parseQuantity } from '../plan/plan-options.js';
import type { Verb } from '../verb.js';
import { readOwnCalibration } from './own-calibration.js';
import { llmPlanText } from './plan-text.js';

interface PlanOptions {
  readonly calibration: string;
  readonly serverCalibration?: string;
  readonly memory?: number;
  readonly serverMemory?: number;
  readonly deadline?: number;
  readonly maxPerplexity?: number;
  readonly link: string;
  readonly length: number;
  readonly prompt?: number;
  readonly private?: true;
  readonly json?: true;
}

/** `cutpoint llm plan`: where to cut a language model, in which widths, with which codec. */
export const planVerb: Verb = {
  example:
    'cutpoint llm plan llama --calibration llama.calibration.json --memory 500e6 --deadline 150 --link link.json --length 512',
  configure: (command) =>
    command
      .argument('<package>', 'the package that was calibrated')
      .requiredOption('--calibration <file>', 'what `cutpoint llm calibrate` wrote on the agent')
      .requiredOption('--link <file>', 'what `cutpoint probe` wrote of the link, or none: the agent has no server')
      .requiredOption('--length <n>', 'tokens of the texts, prompts included', parsePositive)
      .option('--prompt <n>', 'tokens of the prompts (default: half the length)', parsePositive)
      .option('--memory <bytes>', "of the agent's process, at most", parseQuantity)
      .option('--server-memory <bytes>', "of the server's process, at most", parseQuantity)
      .option('--deadline <ms>', 'time of each token, at most', parseQuantity)
      .option('--max-perplexity <n>', 'at most', parseQuantity)
      .option(
        '--server-calibration <file>',
        'what was measured on the server (default: the server is as fast as the agent)',
      )
      .option('--private', 'the server must see no tokens')
      .action(run),
};

async function run(folder: string, options: PlanOptions): Promise<void> {
  const { manifest } = await readPackage(folder);
  const { calibration, width } = await readOwnCalibration(options.calibration, folder, manifest);
  const [agent] = calibration.devices;
  const server =
    options.serverCalibration === undefined ? calibration : await readCalibration(options.serverCalibration);
  const [serverSide] = server.devices;
  if (agent === undefined || serverSide === undefined) {
    throw new CutpointError('CUT_CALIBRATION', 'The calibration has no device.');
  }
  if (server.model.hash !== calibration.model.hash) {
    const message = 'The calibrations of agent and server are of different packages: calibrate the same on both.';
    throw new CutpointError('CUT_CALIBRATION', message);
  }
  const { length, link, memory, serverMemory, deadline, maxPerplexity } = options;
  const side = agent === serverSide ? { ...serverSide, id: 'server' } : serverSide;
  const problem = llmProblemOf({
    calibration,
    agent,
    remote: link === 'none' ? undefined : { side, link: await readLink(link) },
    promptTokens: options.prompt ?? Math.max(1, Math.floor(length / 2)),
    lengthTokens: length,
    private: options.private === true,
  });
  const limits: LlmLimits = {
    maxTokenMs: deadline,
    maxAgentMemoryBytes: memory,
    maxServerMemoryBytes: serverMemory,
    maxPerplexity,
  };
  const front = requireLlmFront(problem, { limits });
  const pick = pickLlmPlan(front);
  const explanation = explainLlmPlan(problem, pick, limits);
  const value = { front: front.points.flatMap(({ plans }) => [...plans]), pick, explanation };
  await printResult(options.json === true, value, () =>
    llmPlanText({
      folder,
      calibration: options.calibration,
      width,
      front,
      pick,
      explanation,
      isSameDevice: agent === serverSide && link !== 'none',
    }),
  );
}

async function readLink(path: string): Promise<PlanLink> {
  const { up, down } = parseLinkProfile(await readJson(path));
  return { id: 'link', up, down };
}

async function readCalibration(path: string): Promise<LlmCalibration> {
  return parseLlmCalibration(await readJson(path), path);
}
