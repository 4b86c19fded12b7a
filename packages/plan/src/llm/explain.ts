import { llmCandidates } from './candidates.js';
import { llmCostModel, type TokenStages } from './costs.js';
import { bestOf } from './infeasible.js';
import {
  exceededLimits,
  type LimitedLlmObjective,
  type LlmLimits,
  limitedLlmObjectives,
  llmLimitMeasures,
} from './limits.js';
import type { MemoryParts } from './memory.js';
import type { LlmPlan, LlmProblem } from './problem.js';

export interface LlmExplanation {
  readonly plan: LlmPlan;
  /** Where the time of the last token goes, and that to the first. */
  readonly token: TokenStages;
  readonly firstToken: TokenStages;
  /** Undefined for a side that computes nothing. */
  readonly agentMemory: MemoryParts | undefined;
  readonly serverMemory: MemoryParts | undefined;
  /** What a text one token longer would exceed: limits, or the model's context and what was measured. */
  readonly lengthEndsBy: readonly (keyof LlmLimits)[] | 'context';
  /** Limits that the plan uses to more than 95 %. */
  readonly bindingLimits: readonly {
    readonly limit: keyof LlmLimits;
    readonly value: number;
    readonly bound: number;
  }[];
  /** What each limit costs: the best value of the objective that counts first, with all limits and without this one. */
  readonly prices: readonly {
    readonly limit: keyof LlmLimits;
    readonly bound: number;
    readonly with: number;
    readonly without: number;
  }[];
}

/**
 * Why a plan: where its time and memory go, what ends its texts, and which limits bind.
 * @param objective What counts first, for the prices of limits.
 */
export function explainLlmPlan(
  problem: LlmProblem,
  plan: LlmPlan,
  limits: LlmLimits = {},
  objective: LimitedLlmObjective = 'token-latency',
): LlmExplanation {
  const costs = llmCostModel(problem);
  const candidates = llmCandidates(problem);
  const { lengthTokens } = problem;
  const given = limitedLlmObjectives.flatMap((of) => {
    const { cost, limit } = llmLimitMeasures[of];
    const bound = limits[limit];
    return bound === undefined ? [] : [{ limit, bound, value: plan[cost] }];
  });
  const next = plan.longestTokens + 1;
  const exceeded = exceededLimits(candidates.costsAt(plan, next), limits);
  const best = bestOf(candidates, objective, limits);
  return {
    plan,
    token: costs.tokenStages(plan, lengthTokens),
    firstToken: costs.firstTokenStages(plan),
    agentMemory: costs.agentMemory(plan, lengthTokens),
    serverMemory: costs.serverMemory(plan, lengthTokens),
    lengthEndsBy: next > candidates.mostTokens ? 'context' : exceeded,
    bindingLimits: given.flatMap(({ limit, bound, value }) => (value >= 0.95 * bound ? [{ limit, value, bound }] : [])),
    prices: given.flatMap(({ limit, bound }) => {
      const without = bestOf(candidates, objective, { ...limits, [limit]: undefined });
      if (best === undefined || without === undefined) return [];
      return [{ limit, bound, with: best, without }];
    }),
  };
}

/** An explanation as lines of plain text. */
export function llmExplanationText(
  explanation: LlmExplanation,
  objective: LimitedLlmObjective = 'token-latency',
): string {
  const { plan, token, firstToken, agentMemory, serverMemory, lengthEndsBy, bindingLimits, prices } = explanation;
  const lines = [`Chosen: ${described(plan)}`];
  lines.push(`  one token ${parts(token, 'ms')}`, `  first token ${parts(firstToken, 'ms')}`);
  for (const [side, memory] of Object.entries({ agent: agentMemory, server: serverMemory })) {
    lines.push(`  ${side} memory ${memory === undefined ? 'none: it computes nothing' : parts(memory, 'bytes')}`);
  }
  const ends = lengthEndsBy === 'context' ? 'the context or what was measured' : lengthEndsBy.join(' and ');
  lines.push(`  texts of at most ${plan.longestTokens} tokens, then ${ends} ends them`, '', 'What binds');
  for (const { limit, value, bound } of bindingLimits) lines.push(`  ${limit} ${digits(bound)}: at ${digits(value)}`);
  const { name, unit } = llmLimitMeasures[objective];
  const dear = prices.filter((price) => price.with !== price.without);
  for (const { limit, bound, ...price } of dear) {
    const gained = `${digits(price.without)} ${unit} instead of ${digits(price.with)}`;
    lines.push(`  without ${limit} ${digits(bound)}: ${name} ${gained}`);
  }
  if (bindingLimits.length + dear.length === 0) lines.push('  no limit');
  return `${lines.join('\n')}\n`;
}

function described({ cut, frontWidth, backWidth, codec, answerCodec, cache, cached }: LlmPlan): string {
  const agent = frontWidth === null ? 'agent: text only' : `agent: ${cut} layers in ${frontWidth}`;
  const way = backWidth === null ? [] : [codec === null ? 'tokens' : codec];
  const back = answerCodec === null ? [] : [`${answerCodec} back`];
  const server = backWidth === null ? [] : [`server: the rest in ${backWidth}`];
  return [agent, ...way, ...server, ...back, `caches in ${cache} ${cached}`].join(' | ');
}

/** Parts that are not nothing, with their sum. */
function parts(named: TokenStages | MemoryParts, unit: string): string {
  const some = Object.entries(named).filter(([, value]) => value > 0);
  const sum = some.reduce((total, [, value]) => total + value, 0);
  const list = some.map(([name, value]) => `${name.replace(/(Ms|Bytes)$/, '')} ${digits(value)}`);
  return `${digits(sum)} ${unit}${list.length > 1 ? ` (${list.join(', ')})` : ''}`;
}

/** Three digits that matter. */
function digits(value: number): string {
  return Math.abs(value) >= 1000 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}
