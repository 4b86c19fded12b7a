import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { everyLlmPlan, llmFrontByBruteForce, llmValuesOf } from './brute-force.testing.js';
import { llmFront, pickLlmPlan } from './front.js';
import type { LlmChoice, LlmProblem } from './problem.js';
import { llmProblem, someLlmLimits, someLlmObjectives } from './problem.testing.js';
import { tinyProblem } from './tiny.testing.js';

const choiceOf = ({
  cut,
  frontWidth,
  backWidth,
  codec,
  answerCodec,
  cache,
  cached,
  perplexity,
  upBytes,
  downBytes,
}: LlmChoice) => [cut, frontWidth, backWidth, codec, answerCodec, cache, cached, perplexity, upBytes, downBytes].join();

describe('the front of a language model', () => {
  it('equals brute force, costs and equals included, on 1,000 random problems', () => {
    let kept = 0;
    let limited = 0;
    fc.assert(
      fc.property(llmProblem, someLlmObjectives, someLlmLimits, (problem, objectives, limits) => {
        const plans = everyLlmPlan(problem, limits);
        const expected = llmFrontByBruteForce(plans, objectives);
        const front = llmFront(problem, { objectives, limits, maxTies: Infinity });
        const found = front.points.flatMap((point) => point.plans);
        const lines = (all: typeof found) => all.map((plan) => `${choiceOf(plan)}: ${llmValuesOf(plan, objectives)}`);
        expect(lines(found).sort()).toEqual(lines(expected).sort());
        expect(front.feasible).toBe(plans.length);
        kept += found.length;
        if (front.feasible < front.candidates) limited++;
      }),
      { numRuns: 1_000 },
    );
    expect(kept).toBeGreaterThan(700);
    expect(limited).toBeGreaterThan(150);
  });

  it('lists no more equals than are wanted, and counts the others', () => {
    fc.assert(
      fc.property(llmProblem, someLlmObjectives, fc.integer({ min: 1, max: 3 }), (problem, objectives, maxTies) => {
        const all = llmFront(problem, { objectives, maxTies: Infinity });
        const some = llmFront(problem, { objectives, maxTies });
        expect(some.points.map(({ plans, tiesOmitted }) => plans.length + tiesOmitted)).toEqual(
          all.points.map(({ plans }) => plans.length),
        );
        expect(some.points.every(({ plans }) => plans.length <= maxTies)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('has all on the agent, all on the server and splits as candidates', () => {
    const front = llmFront(tinyProblem, { objectives: ['agent-memory', 'server-memory', 'token-latency'] });
    const cuts = front.points.flatMap(({ plans }) => plans.map(({ cut }) => cut));
    expect([...new Set(cuts)].sort()).toEqual([0, 1, 2]);
    const alone = llmFront({ ...tinyProblem, remote: undefined });
    expect(alone.points.flatMap(({ plans }) => plans.map(({ cut, cached }) => `${cut} ${cached}`))).toEqual([
      '2 everywhere',
    ]);
    expect(alone.skipped).toEqual([{ why: 'there is no server', splits: 2 }]);
  });

  it('says which measured splits cannot run here, and why', () => {
    const agent = { ...tinyProblem.agent, codecs: {}, headMs: {} };
    expect(llmFront({ ...tinyProblem, agent }).skipped).toEqual([
      { why: 'agent was not measured with width 4', splits: 2 },
    ]);
  });

  it('is refused for what does not fit together', () => {
    const refused = (changes: Partial<LlmProblem>, code: string) =>
      expect(() => llmFront({ ...tinyProblem, ...changes })).toThrow(expect.objectContaining({ code }));
    refused({ promptTokens: 9 }, 'CUT_USAGE');
    refused({ lengthTokens: 0 }, 'CUT_USAGE');
    refused({ lengthTokens: 65 }, 'CUT_USAGE');
    refused({ model: { ...tinyProblem.model, contextTokens: 7 } }, 'CUT_USAGE');
    refused({ model: { ...tinyProblem.model, cacheBytes: {} } }, 'CUT_CALIBRATION');
    refused({ model: { ...tinyProblem.model, layers: 3 } }, 'CUT_CALIBRATION');
    refused({ agent: { ...tinyProblem.agent, lengths: [32, 8, 64] } }, 'CUT_CALIBRATION');
    expect(() => llmFront(tinyProblem, { objectives: [] })).toThrow(/At least one objective/);
  });
});

describe('a pick', () => {
  it('is the best in the first objective, of those near it the best in the next', () => {
    const front = llmFront(tinyProblem);
    const plans = front.points.map(({ plans: [first] }) => first);
    const fastest = Math.min(...plans.map(({ tokenMs }) => tokenMs));
    expect(pickLlmPlan(front).tokenMs).toBe(fastest);
    const frugal = pickLlmPlan(front, ['token-latency', 'server-memory'], 100);
    expect(frugal.serverMemoryBytes).toBe(0);
    expect(() => pickLlmPlan({ ...front, points: [] })).toThrow(expect.objectContaining({ code: 'CUT_USAGE' }));
    expect(() => pickLlmPlan(front, [])).toThrow(expect.objectContaining({ code: 'CUT_USAGE' }));
  });
});
