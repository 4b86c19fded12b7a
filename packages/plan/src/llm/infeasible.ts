import { CutpointError } from '@cutpoint/core';
import { type ConflictOf, conflictOf } from '../conflict.js';
import { type Candidates, llmCandidates } from './candidates.js';
import { checkLlmProblem } from './check-problem.js';
import { type LlmFront, type LlmFrontOptions, llmFront } from './front.js';
import {
  exceededLimits,
  type LimitedLlmObjective,
  type LlmLimits,
  limitedLlmObjectives,
  llmLimitMeasures,
} from './limits.js';
import type { LlmProblem } from './problem.js';

export interface LlmConflict extends ConflictOf<keyof LlmLimits> {
  /** The longest text, not shorter than the prompt, for which some plan keeps all limits as they are; 0 if there is none. */
  readonly longestTokens: number;
}

/** Which limits contradict one another, and by how much. Undefined if a plan keeps them all. @throws as `llmFront`. */
export function explainLlmInfeasible(problem: LlmProblem, limits: LlmLimits): LlmConflict | undefined {
  checkLlmProblem(problem);
  const candidates = llmCandidates(problem);
  if (candidates.all.length === 0) return { limits: [], sentence: noPlanAtAll(candidates), longestTokens: 0 };
  const given = limitedLlmObjectives.filter((objective) => limits[llmLimitMeasures[objective].limit] !== undefined);
  const best = (objective: LimitedLlmObjective, kept: readonly LimitedLlmObjective[]) =>
    bestOf(candidates, objective, limitsOf(limits, kept));
  const possible = (kept: readonly LimitedLlmObjective[]) => best('perplexity', kept) !== undefined;
  const conflict = conflictOf({ measures: llmLimitMeasures, limits, best, possible }, given);
  if (conflict === undefined) return undefined;
  const longestTokens = longestOfAll(problem, candidates, limits);
  const shorter = longestTokens > 0 ? ` Or: texts of at most ${longestTokens} tokens keep all limits.` : '';
  return { ...conflict, sentence: conflict.sentence + shorter, longestTokens };
}

/** The front, which is not empty. @throws CutpointError CUT_INFEASIBLE says which limits conflict; else as `llmFront` */
export function requireLlmFront(problem: LlmProblem, options: LlmFrontOptions = {}): LlmFront {
  const front = llmFront(problem, options);
  if (front.points.length > 0) return front;
  const conflict = explainLlmInfeasible(problem, options.limits ?? {});
  throw new CutpointError('CUT_INFEASIBLE', conflict?.sentence ?? 'No plan keeps the limits.');
}

/** The best value of an objective within limits, less being better; undefined if no plan keeps them. */
export function bestOf(candidates: Candidates, objective: LimitedLlmObjective, limits: LlmLimits): number | undefined {
  const { cost } = llmLimitMeasures[objective];
  let best: number | undefined;
  for (const { costs } of candidates.all) {
    const value = costs[cost];
    if ((best === undefined || value < best) && exceededLimits(costs, limits).length === 0) best = value;
  }
  return best;
}

function limitsOf(limits: LlmLimits, kept: readonly LimitedLlmObjective[]): LlmLimits {
  return Object.fromEntries(
    kept.map((objective) => [llmLimitMeasures[objective].limit, limits[llmLimitMeasures[objective].limit]]),
  );
}

function longestOfAll({ promptTokens }: LlmProblem, candidates: Candidates, limits: LlmLimits): number {
  let longest = 0;
  for (const { choice } of candidates.all) {
    const shortest = { choice, costs: candidates.costsAt(choice, promptTokens) };
    longest = Math.max(longest, candidates.planOf(shortest, limits)?.longestTokens ?? 0);
  }
  return longest;
}

function noPlanAtAll({ skipped }: Candidates): string {
  const reasons = skipped.map(({ why, splits }) => `${splits === 1 ? 'a split' : `${splits} splits`}: ${why}`);
  const because = reasons.length === 0 ? 'no split was measured' : reasons.join('; ');
  return `No plan can run, even without limits: ${because}.`;
}
