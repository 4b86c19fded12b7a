import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { everyLlmPlan } from './brute-force.testing.js';
import { explainLlmInfeasible, requireLlmFront } from './infeasible.js';
import type { LlmLimits } from './limits.js';
import { llmProblem, someLlmLimits } from './problem.testing.js';
import { tinyProblem } from './tiny.testing.js';

describe('limits of a language model that cannot be kept', () => {
  it('are named as a minimal subset, with the nearest values that can, and the longest text that keeps them', () => {
    let conflicts = 0;
    let shorter = 0;
    fc.assert(
      fc.property(llmProblem, someLlmLimits, (problem, limits) => {
        const possible = (some: LlmLimits) => everyLlmPlan(problem, some).length > 0;
        const conflict = explainLlmInfeasible(problem, limits);
        expect(conflict === undefined).toBe(possible(limits));
        if (conflict === undefined) return;
        expect(conflict.limits.length === 0).toBe(!possible({}));
        const subset = Object.fromEntries(conflict.limits.map(({ limit, asked }) => [limit, asked]));
        if (conflict.limits.length > 0) expect(possible(subset)).toBe(false);
        for (const { limit, nearest } of conflict.limits) {
          expect(possible({ ...subset, [limit]: undefined })).toBe(true);
          expect(possible({ ...limits, [limit]: undefined })).toBe(nearest !== undefined);
          if (nearest === undefined) continue;
          expect(possible({ ...limits, [limit]: nearest })).toBe(true);
          // Times between two lengths are multiples of an eighth, as all else is of a half.
          expect(possible({ ...limits, [limit]: nearest - 0.125 })).toBe(false);
          conflicts++;
        }
        const ofLength = (lengthTokens: number) => everyLlmPlan({ ...problem, lengthTokens }, limits).length > 0;
        const { longestTokens: longest } = conflict;
        if (longest > 0) expect(ofLength(longest)).toBe(true);
        if (longest >= problem.promptTokens) shorter++;
        else expect(ofLength(problem.promptTokens)).toBe(false);
        const most = Math.min(problem.model.contextTokens, 16);
        if (longest < most) expect(ofLength(Math.max(longest + 1, problem.promptTokens))).toBe(false);
      }),
      { numRuns: 500 },
    );
    expect(conflicts).toBeGreaterThan(50);
    expect(shorter).toBeGreaterThan(1);
  });

  it('are an error whose sentence says which, and by how much', () => {
    const limits = { maxAgentMemoryBytes: 1_000, maxServerMemoryBytes: 1_700 };
    expect(() => requireLlmFront(tinyProblem, { limits })).toThrow(
      expect.objectContaining({
        code: 'CUT_INFEASIBLE',
        message:
          'No plan keeps agent memory at most 1000 bytes and server memory at most 1700 bytes together: the others kept, ' +
          'agent memory at most 1144 bytes would do, or server memory at most 2732 bytes would do.',
      }),
    );
  });

  it('are told from texts that are too long', () => {
    const problem = { ...tinyProblem, lengthTokens: 64 };
    const limits = { maxTokenMs: 40, maxServerMemoryBytes: 0 };
    expect(explainLlmInfeasible(problem, limits)?.sentence).toMatch(
      / Or: texts of at most 32 tokens keep all limits\.$/,
    );
    expect(requireLlmFront({ ...problem, lengthTokens: 32 }, { limits }).points.length).toBeGreaterThan(0);
  });

  it('are not at fault where no plan can run at all', () => {
    const problem = { ...tinyProblem, splits: tinyProblem.splits.slice(0, 2), remote: undefined };
    expect(explainLlmInfeasible(problem, {})?.sentence).toBe(
      'No plan can run, even without limits: 2 splits: there is no server.',
    );
  });
});
