import type { LlmLimits } from './limits.js';
import type { CacheUse, LlmChoice, LlmCosts, LlmObjective, LlmPlan, LlmProblem, LlmSide } from './problem.js';

/** An oracle that shares nothing with the optimiser: every plan, its costs layer by layer, its longest text token by token. */

/** Every plan that keeps the limits. */
export function everyLlmPlan(problem: LlmProblem, limits: LlmLimits): LlmPlan[] {
  const uses: CacheUse[] = ['everywhere', 'server'];
  return problem.splits.flatMap((split) =>
    uses.flatMap((cached): LlmPlan[] => {
      const choice = { ...split, cached };
      if (!makesSense(problem, choice) || !canRun(problem, choice)) return [];
      const costs = costsByDefinition(problem, choice, problem.lengthTokens);
      if (!keeps(costs, limits)) return [];
      return [{ ...choice, ...costs, longestTokens: longestByDefinition(problem, choice, limits) }];
    }),
  );
}

/** Every plan that no other beats, equals included. */
export function llmFrontByBruteForce(plans: readonly LlmPlan[], objectives: readonly LlmObjective[]): LlmPlan[] {
  const beats = (a: number[], b: number[]) => a.every((x, i) => x <= (b[i] ?? 0)) && a.some((x, i) => x < (b[i] ?? 0));
  const rows = plans.map((plan) => ({ plan, values: llmValuesOf(plan, objectives) }));
  return rows.filter(({ values }) => !rows.some((other) => beats(other.values, values))).map(({ plan }) => plan);
}

/** Smaller is better. */
export function llmValuesOf(costs: LlmCosts, objectives: readonly LlmObjective[]): number[] {
  const all: Record<LlmObjective, number> = {
    'token-latency': costs.tokenMs,
    'first-token': costs.firstTokenMs,
    'agent-memory': costs.agentMemoryBytes,
    'server-memory': costs.serverMemoryBytes,
    bytes: costs.tokenBytes,
    perplexity: costs.perplexity,
    length: -costs.longestTokens,
  };
  return objectives.map((objective) => all[objective]);
}

export function keeps(costs: Omit<LlmCosts, 'longestTokens'>, limits: LlmLimits): boolean {
  return (
    costs.tokenMs <= (limits.maxTokenMs ?? Infinity) &&
    costs.firstTokenMs <= (limits.maxFirstTokenMs ?? Infinity) &&
    costs.agentMemoryBytes <= (limits.maxAgentMemoryBytes ?? Infinity) &&
    costs.serverMemoryBytes <= (limits.maxServerMemoryBytes ?? Infinity) &&
    costs.tokenBytes <= (limits.maxTokenBytes ?? Infinity) &&
    costs.perplexity <= (limits.maxPerplexity ?? Infinity)
  );
}

/** The longest text such that it and all shorter ones keep the limits. */
export function longestByDefinition(problem: LlmProblem, choice: LlmChoice, limits: LlmLimits): number {
  const measured = Math.min(...sides(problem).map(({ lengths }) => lengths.at(-1) ?? 0));
  let longest = 0;
  while (
    longest < Math.min(problem.model.contextTokens, measured) &&
    keeps(costsByDefinition(problem, choice, longest + 1), limits)
  ) {
    longest++;
  }
  return longest;
}

const sides = ({ agent, remote }: LlmProblem) => (remote === undefined ? [agent] : [agent, remote.side]);

function makesSense({ model }: LlmProblem, { cut, cached }: LlmChoice): boolean {
  return cached === 'everywhere' || (cut > 0 && cut < model.layers);
}

function canRun({ agent, remote, model }: LlmProblem, choice: LlmChoice): boolean {
  const { cut, frontWidth, backWidth, codec, answerCodec, cache } = choice;
  const has = (side: LlmSide, width: string | null) =>
    (width === null || (width in side.layers && width in side.headMs)) &&
    (side.layers[width ?? ''] ?? []).every(({ decodeMs }) => cache in decodeMs) &&
    [codec, answerCodec].every((name) => name === null || name in side.codecs);
  if (!has(agent, frontWidth)) return false;
  return cut === model.layers || (remote !== undefined && has(remote.side, backWidth));
}

/** The noise of a table taken out, a straight line between its points. */
function timeAt(lengths: readonly number[], times: readonly number[], tokens: number): number {
  const raised = times.map((_, i) => Math.max(...times.slice(0, i + 1)));
  for (let i = 0; i < lengths.length; i++) {
    const [length, time] = [lengths[i] ?? 0, raised[i] ?? 0];
    if (tokens > length) continue;
    const [before, earlier] = [lengths[i - 1], raised[i - 1]];
    if (before === undefined || earlier === undefined) return time;
    return earlier + ((tokens - before) / (length - before)) * (time - earlier);
  }
  throw new Error('longer than measured');
}

export function costsByDefinition(
  problem: LlmProblem,
  choice: LlmChoice,
  tokens: number,
): Omit<LlmCosts, 'longestTokens'> {
  const { model, agent, remote, promptTokens, frameBytes, chunkTokens } = problem;
  const { cut, cached, codec, answerCodec, perplexity } = choice;
  const alone = cut === model.layers;
  const headOnAgent = alone || answerCodec !== null;
  let [tokenMs, firstTokenMs] = [0, 0];
  const memory = { agent: 0, server: 0 };
  for (const name of ['agent', 'server'] as const) {
    const side = name === 'agent' ? agent : remote?.side;
    const width = name === 'agent' ? choice.frontWidth : choice.backWidth;
    if (side === undefined || width === null) continue;
    const caches = cached === 'everywhere' || name === 'server';
    let bytes = 0;
    let [pass, load] = [0, 0];
    const atOnce = Math.min(tokens, chunkTokens);
    const [from, to] = name === 'agent' ? [0, cut] : [cut, model.layers];
    for (let layer = from; layer < to; layer++) {
      const times = side.layers[width]?.[layer];
      if (times === undefined) throw new Error('no times');
      tokenMs += timeAt(side.lengths, caches ? (times.decodeMs[choice.cache] ?? []) : times.prefillMs, tokens);
      firstTokenMs += timeAt(side.lengths, times.prefillMs, promptTokens);
      bytes += side.memory.perWeightByte * (model.layerBytes[width]?.[layer] ?? 0);
      for (let kept = 0; caches && kept < tokens; kept += model.cacheStepTokens) {
        bytes += model.cacheStepTokens * (model.cacheBytes[choice.cache] ?? 0);
      }
      pass += atOnce * model.passBytes.layerToken;
      load = Math.max(load, model.loadBytes[width]?.layers ?? 0);
    }
    if (headOnAgent === (name === 'agent')) {
      tokenMs += side.headMs[width] ?? 0;
      firstTokenMs += side.headMs[width] ?? 0;
      bytes += side.memory.perWeightByte * (model.headBytes[width] ?? 0);
      load = Math.max(load, model.loadBytes[width]?.head ?? 0);
    }
    if (!caches) bytes += tokens * model.uncachedTokenBytes;
    const { token, textToken, score } = model.passBytes;
    pass += atOnce * token + tokens * textToken + atOnce * tokens * score;
    const { servedToken, headApart } = model.roleBytes;
    if (name === 'server') bytes += tokens * servedToken;
    else if (headOnAgent && !alone && cut > 0) bytes += headApart;
    memory[name] = side.memory.baseBytes + bytes + Math.max(pass, load);
  }
  let tokenBytes = 0;
  if (!alone && remote !== undefined) {
    const { link, side } = remote;
    const perToken =
      (codec === null ? 0 : (agent.codecs[codec]?.encodeMs ?? 0) + (side.codecs[codec]?.decodeMs ?? 0)) +
      (1000 * choice.upBytes) / link.up.bytesPerS;
    const once =
      link.up.fixedMs +
      link.down.fixedMs +
      (1000 * frameBytes.up) / link.up.bytesPerS +
      (1000 * (frameBytes.down + choice.downBytes)) / link.down.bytesPerS +
      (answerCodec === null
        ? 0
        : (side.codecs[answerCodec]?.encodeMs ?? 0) + (agent.codecs[answerCodec]?.decodeMs ?? 0));
    tokenMs += once + perToken;
    firstTokenMs += once + promptTokens * perToken;
    tokenBytes = choice.upBytes + frameBytes.up + choice.downBytes + frameBytes.down;
  }
  const serverMemoryBytes = memory.server;
  return { tokenMs, firstTokenMs, agentMemoryBytes: memory.agent, serverMemoryBytes, tokenBytes, perplexity };
}
