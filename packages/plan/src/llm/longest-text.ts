import { type LlmCostModel, sumOfStages } from './costs.js';
import { exceededLimits, type LlmLimits } from './limits.js';
import { sumOfMemory } from './memory.js';
import type { LlmChoice, LlmCosts } from './problem.js';

/**
 * The longest text, of at most `mostTokens`, for which a choice keeps the limits on what grows with the length; 0 if there is
 * none. By bisection, which is exact, as no cost falls with the length: what holds somewhere holds for all shorter texts.
 */
export function longestText(costs: LlmCostModel, choice: LlmChoice, limits: LlmLimits, mostTokens: number): number {
  const keeps = (tokens: number) => exceededLimits(limitedCosts(costs, choice, tokens, limits), limits).length === 0;
  if (keeps(mostTokens)) return mostTokens;
  let holds = 0;
  let exceeds = mostTokens;
  while (exceeds - holds > 1) {
    const middle = Math.floor((holds + exceeds) / 2);
    if (keeps(middle)) holds = middle;
    else exceeds = middle;
  }
  return holds;
}

/** Of the costs that grow with the length those that have a limit. */
function limitedCosts(
  costs: LlmCostModel,
  choice: LlmChoice,
  tokens: number,
  { maxTokenMs, maxAgentMemoryBytes, maxServerMemoryBytes, maxTokenBytes }: LlmLimits,
): Partial<LlmCosts> {
  return {
    ...(maxTokenMs !== undefined && { tokenMs: sumOfStages(costs.tokenStages(choice, tokens)) }),
    ...(maxAgentMemoryBytes !== undefined && { agentMemoryBytes: sumOfMemory(costs.agentMemory(choice, tokens)) }),
    ...(maxServerMemoryBytes !== undefined && { serverMemoryBytes: sumOfMemory(costs.serverMemory(choice, tokens)) }),
    ...(maxTokenBytes !== undefined && { tokenBytes: costs.tokenBytes(choice) }),
  };
}
