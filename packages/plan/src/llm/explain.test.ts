import { describe, expect, it } from 'vitest';
import { explainLlmPlan, llmExplanationText } from './explain.js';
import { llmFront, pickLlmPlan } from './front.js';
import { tinyProblem } from './tiny.testing.js';

describe('the explanation of a plan', () => {
  const limits = { maxAgentMemoryBytes: 1_300, maxServerMemoryBytes: 2_000, maxTokenMs: 1_000 };
  const plan = pickLlmPlan(llmFront(tinyProblem, { limits }));
  const explanation = explainLlmPlan(tinyProblem, plan, limits);

  it('adds up to the costs of the plan', () => {
    const sum = (parts: object) => Object.values(parts).reduce((total: number, part) => total + Number(part), 0);
    expect(plan.cut).toBe(1);
    expect(sum(explanation.token)).toBe(plan.tokenMs);
    expect(sum(explanation.firstToken)).toBe(plan.firstTokenMs);
    expect(sum(explanation.agentMemory ?? {})).toBe(plan.agentMemoryBytes);
    expect(sum(explanation.serverMemory ?? {})).toBe(plan.serverMemoryBytes);
    // 512 bytes and a frame of 24 at 100,000 bytes per second, behind a delay of 2 ms.
    expect(explanation.token.upMs).toBeCloseTo(7.36, 9);
  });

  it('names what ends its texts: the agent has room for the cache of 24 tokens', () => {
    expect(plan.longestTokens).toBe(24);
    expect(explanation.lengthEndsBy).toEqual(['maxAgentMemoryBytes']);
    const unlimited = pickLlmPlan(llmFront(tinyProblem));
    expect(explainLlmPlan(tinyProblem, unlimited).lengthEndsBy).toBe('context');
  });

  it('tells what each limit costs: with more memory the server would do all of it', () => {
    const prices = new Map(explanation.prices.map(({ limit, ...price }) => [limit, price]));
    const whole = pickLlmPlan(llmFront(tinyProblem));
    expect(whole.cut).toBe(0);
    expect(prices.get('maxServerMemoryBytes')).toEqual({ bound: 2_000, with: plan.tokenMs, without: whole.tokenMs });
    expect(prices.get('maxTokenMs')?.without).toBe(plan.tokenMs);
  });

  it('is told in words', () => {
    const text = llmExplanationText(explanation);
    expect(text).toContain('Chosen: agent: 1 layers in 4 | f16 | server: the rest in 4 | caches in f16 everywhere\n');
    expect(text).toContain('texts of at most 24 tokens, then maxAgentMemoryBytes ends them');
    expect(text).toMatch(/without maxServerMemoryBytes 2000: time per token [\d.]+ ms instead of [\d.]+/);
  });

  it('names limits that are almost used up', () => {
    const near = { maxAgentMemoryBytes: plan.agentMemoryBytes + 1 };
    expect(explainLlmPlan(tinyProblem, plan, near).bindingLimits).toEqual([
      { limit: 'maxAgentMemoryBytes', value: plan.agentMemoryBytes, bound: near.maxAgentMemoryBytes },
    ]);
  });
});
