import { modelSizes, type Package, processBytes, weightSizes } from '@cutpoint/llm';
import { type LlmPlan, type LlmProblem, type LlmSide, type LlmSplit, llmFront } from '@cutpoint/plan';

/** A package by the name that plans have for it. */
export interface NamedPackage extends Package {
  readonly width: string;
}

/** Which side a limit is on. */
export type LimitedSide = 'agent' | 'server';

/**
 * Every way to run a model in these widths, of which memory is told as for a calibration; times and perplexities count for
 * nothing here and are made up.
 */
export function memoryProblem(packages: readonly NamedPackage[], lengthTokens: number): LlmProblem {
  const [first] = packages;
  if (first === undefined) throw new Error('A problem has a package.');
  const { config } = first.manifest;
  const { layers, contextTokens } = config;
  const times = { decodeMs: { f32: [1], f16: [1], '8': [1] }, prefillMs: [1] };
  const side = (id: string): LlmSide => ({
    id,
    lengths: [contextTokens],
    layers: Object.fromEntries(packages.map(({ width }) => [width, Array.from({ length: layers }, () => times)])),
    headMs: Object.fromEntries(packages.map(({ width }) => [width, 1])),
    codecs: { raw: { encodeMs: 0, decodeMs: 0 } },
    memory: { baseBytes: processBytes, perWeightByte: 1 },
  });
  const direction = { fixedMs: 1, bytesPerS: 1e9 };
  return {
    model: { layers, contextTokens, ...weightSizes(packages), ...modelSizes(config) },
    agent: side('agent'),
    remote: { side: side('server'), link: { id: 'link', up: direction, down: direction } },
    splits: packages.flatMap(({ width }) => splitsOf(width, layers)),
    promptTokens: 1,
    lengthTokens,
    chunkTokens: 128,
    frameBytes: { up: 0, down: 0 },
  };
}

function splitsOf(width: string, layers: number): LlmSplit[] {
  const cuts = Array.from({ length: layers - 1 }, (_, i) => i + 1);
  const bytes = { upBytes: 4, downBytes: 4, perplexity: 1 };
  return ['f32', 'f16', '8'].flatMap((cache) =>
    cuts.flatMap((cut) =>
      [null, 'raw'].map((answerCodec) => ({
        cut,
        frontWidth: width,
        backWidth: width,
        codec: 'raw',
        answerCodec,
        cache,
        ...bytes,
      })),
    ),
  );
}

export function memoryOf(plan: LlmPlan, side: LimitedSide): number {
  return side === 'agent' ? plan.agentMemoryBytes : plan.serverMemoryBytes;
}

/** Whether the optimiser calls a plan feasible with so much memory on one side. */
export function isFeasible(problem: LlmProblem, plan: LlmPlan, side: LimitedSide, limitBytes: number): boolean {
  const own = problem.splits.filter(
    ({ cut, frontWidth, cache, answerCodec }) =>
      cut === plan.cut && frontWidth === plan.frontWidth && cache === plan.cache && answerCodec === plan.answerCodec,
  );
  const limits = side === 'agent' ? { maxAgentMemoryBytes: limitBytes } : { maxServerMemoryBytes: limitBytes };
  const { points } = llmFront({ ...problem, splits: own }, { limits });
  return points.some(({ plans }) => plans.some(({ cached }) => cached === plan.cached));
}

/** All plans of a problem, without limits. */
export function plansOf(problem: LlmProblem): LlmPlan[] {
  return problem.splits.flatMap((split) =>
    llmFront({ ...problem, splits: [split] }).points.flatMap(({ plans }) =>
      plans.filter(({ cached }) => cached === 'everywhere'),
    ),
  );
}
