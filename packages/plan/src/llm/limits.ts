import type { LlmCosts, LlmObjective } from './problem.js';

/** Hard limits; a plan that exceeds one is not considered. */
export interface LlmLimits {
  /** The deadline of each token. */
  readonly maxTokenMs?: number | undefined;
  readonly maxFirstTokenMs?: number | undefined;
  readonly maxAgentMemoryBytes?: number | undefined;
  readonly maxServerMemoryBytes?: number | undefined;
  readonly maxTokenBytes?: number | undefined;
  readonly maxPerplexity?: number | undefined;
}

/** All but the longest text, of which the problem itself says what it must be at least. */
export type LimitedLlmObjective = Exclude<LlmObjective, 'length'>;

export interface LlmMeasure {
  readonly cost: keyof LlmCosts;
  /** As a sentence calls it. */
  readonly name: string;
  readonly unit: string;
  /** Larger is better. */
  readonly larger: boolean;
}

/** Which cost and which limit belong to an objective. */
export const llmLimitMeasures: Readonly<
  Record<
    LimitedLlmObjective,
    LlmMeasure & {
      readonly cost: Exclude<keyof LlmCosts, 'longestTokens'>;
      readonly limit: keyof LlmLimits;
      readonly larger: false;
    }
  >
> = {
  'token-latency': { name: 'time per token', cost: 'tokenMs', limit: 'maxTokenMs', unit: 'ms', larger: false },
  'first-token': {
    name: 'time to the first token',
    cost: 'firstTokenMs',
    limit: 'maxFirstTokenMs',
    unit: 'ms',
    larger: false,
  },
  'agent-memory': {
    name: 'agent memory',
    cost: 'agentMemoryBytes',
    limit: 'maxAgentMemoryBytes',
    unit: 'bytes',
    larger: false,
  },
  'server-memory': {
    name: 'server memory',
    cost: 'serverMemoryBytes',
    limit: 'maxServerMemoryBytes',
    unit: 'bytes',
    larger: false,
  },
  bytes: { name: 'bytes per token', cost: 'tokenBytes', limit: 'maxTokenBytes', unit: 'bytes', larger: false },
  perplexity: { name: 'perplexity', cost: 'perplexity', limit: 'maxPerplexity', unit: '', larger: false },
};

export const llmMeasures: Readonly<Record<LlmObjective, LlmMeasure>> = {
  ...llmLimitMeasures,
  length: { name: 'the longest text', cost: 'longestTokens', unit: 'tokens', larger: true },
};

export const limitedLlmObjectives = Object.keys(llmLimitMeasures) as readonly LimitedLlmObjective[];

/** The limits that these costs exceed. */
export function exceededLimits(costs: Partial<LlmCosts>, limits: LlmLimits): (keyof LlmLimits)[] {
  return limitedLlmObjectives.flatMap((objective) => {
    const { cost, limit } = llmLimitMeasures[objective];
    const [value, bound] = [costs[cost], limits[limit]];
    return value === undefined || bound === undefined || value <= bound ? [] : [limit];
  });
}
