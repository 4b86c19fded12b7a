import { llmCostModel, sumOfStages } from './costs.js';
import { exceededLimits, type LlmLimits } from './limits.js';
import { longestText } from './longest-text.js';
import { sumOfMemory } from './memory.js';
import type { CacheUse, LlmChoice, LlmCosts, LlmPlan, LlmProblem, LlmSide, LlmSplit } from './problem.js';
import { cachesOf } from './side-times.js';

/** A choice with the costs that no limit changes. */
export interface Candidate {
  readonly choice: LlmChoice;
  readonly costs: Omit<LlmCosts, 'longestTokens'>;
}

export interface Candidates {
  readonly all: readonly Candidate[];
  /** The longest text of which anything was measured. */
  readonly mostTokens: number;
  /** Measured splits that cannot be plans, with the reason, by number. */
  readonly skipped: readonly { readonly why: string; readonly splits: number }[];
  /** The plan of a candidate, or undefined if it does not keep the limits. */
  planOf(candidate: Candidate, limits: LlmLimits): LlmPlan | undefined;
  /** Costs at a length. */
  costsAt(choice: LlmChoice, tokens: number): Omit<LlmCosts, 'longestTokens'>;
}

/** Every way to run the model: each measured split with each use of caches that makes a difference there. */
export function llmCandidates(problem: LlmProblem): Candidates {
  const { model, agent, remote, lengthTokens } = problem;
  const costs = llmCostModel(problem);
  const measured = Math.min(agent.lengths.at(-1) ?? 0, remote?.side.lengths.at(-1) ?? Infinity);
  const mostTokens = Math.min(model.contextTokens, measured);
  const costsAt = (choice: LlmChoice, tokens: number) => ({
    tokenMs: sumOfStages(costs.tokenStages(choice, tokens)),
    firstTokenMs: sumOfStages(costs.firstTokenStages(choice)),
    agentMemoryBytes: sumOfMemory(costs.agentMemory(choice, tokens)),
    serverMemoryBytes: sumOfMemory(costs.serverMemory(choice, tokens)),
    tokenBytes: costs.tokenBytes(choice),
    perplexity: choice.perplexity,
  });
  const skipped = new Map<string, number>();
  const all: Candidate[] = [];
  for (const split of problem.splits) {
    const why = whyNot(problem, split);
    if (why !== undefined) {
      skipped.set(why, (skipped.get(why) ?? 0) + 1);
      continue;
    }
    for (const cached of usesOf(problem, split)) {
      const choice = { ...split, cached };
      all.push({ choice, costs: costsAt(choice, lengthTokens) });
    }
  }
  return {
    all,
    mostTokens,
    skipped: [...skipped].map(([why, splits]) => ({ why, splits })),
    costsAt,
    planOf({ choice, costs: known }, limits) {
      if (exceededLimits(known, limits).length > 0) return undefined;
      return { ...choice, ...known, longestTokens: longestText(costs, choice, limits, mostTokens) };
    },
  };
}

/** Only where there are layers on both sides can the agent do without a cache. */
function usesOf({ model }: LlmProblem, { cut }: LlmSplit): readonly CacheUse[] {
  return cut > 0 && cut < model.layers ? ['everywhere', 'server'] : ['everywhere'];
}

/** Why a measured split cannot run on these devices; undefined if it can. */
function whyNot({ agent, remote, model }: LlmProblem, split: LlmSplit): string | undefined {
  const { cut, frontWidth, backWidth, codec, answerCodec, cache } = split;
  const lacks = (side: LlmSide, width: string | null, codecs: readonly (string | null)[]) => {
    if (width !== null && (side.layers[width] === undefined || side.headMs[width] === undefined)) {
      return `${side.id} was not measured with width ${width}`;
    }
    if (width !== null && !cachesOf(side.layers[width] ?? []).includes(cache)) {
      return `${side.id} was not measured with caches in ${cache}`;
    }
    const missing = codecs.find((name) => name !== null && side.codecs[name] === undefined);
    return missing === undefined ? undefined : `${side.id} was not measured with codec ${missing}`;
  };
  const ofAgent = lacks(agent, frontWidth, [codec, answerCodec]);
  if (ofAgent !== undefined || cut === model.layers) return ofAgent;
  return remote === undefined ? 'there is no server' : lacks(remote.side, backWidth, [codec, answerCodec]);
}
