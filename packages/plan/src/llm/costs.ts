import { llmMemoryParts, type MemoryParts } from './memory.js';
import { type ModelSums, modelSums } from './model-sums.js';
import type { LlmChoice, LlmProblem, LlmSide } from './problem.js';
import { sideTimes } from './side-times.js';

/** Where the time of one token goes, in ms. What a side computes includes the head, if it is there. */
export interface TokenStages {
  readonly agentMs: number;
  readonly encodeMs: number;
  readonly upMs: number;
  readonly decodeMs: number;
  readonly serverMs: number;
  readonly answerEncodeMs: number;
  readonly downMs: number;
  readonly answerDecodeMs: number;
}

/** Costs of choices, each from the definitions; none falls as texts become longer. */
export interface LlmCostModel {
  /** The token behind so many, itself counted. */
  tokenStages(choice: LlmChoice, tokens: number): TokenStages;
  firstTokenStages(choice: LlmChoice): TokenStages;
  /** Undefined for a side that computes nothing. */
  agentMemory(choice: LlmChoice, tokens: number): MemoryParts | undefined;
  serverMemory(choice: LlmChoice, tokens: number): MemoryParts | undefined;
  tokenBytes(choice: LlmChoice): number;
}

export function llmCostModel(problem: LlmProblem): LlmCostModel {
  const { model, agent, remote, promptTokens, frameBytes } = problem;
  const sums = modelSums(model);
  const agentTimes = sideTimes(agent);
  const serverTimes = remote === undefined ? agentTimes : sideTimes(remote.side);
  const stages = (choice: LlmChoice, agentMs: number, serverMs: number, sent: number): TokenStages => {
    const { codec, answerCodec, frontWidth, backWidth } = choice;
    const headHere = holdsHead(choice, model.layers);
    const split = choice.cut < model.layers ? remote : undefined;
    const server = split?.side;
    return {
      agentMs: agentMs + (headHere ? (agent.headMs[frontWidth ?? ''] ?? 0) : 0),
      encodeMs: sent * (agent.codecs[codec ?? '']?.encodeMs ?? 0),
      upMs: split === undefined ? 0 : travelMs(split.link.up, sent * choice.upBytes + frameBytes.up),
      decodeMs: sent * (server?.codecs[codec ?? '']?.decodeMs ?? 0),
      serverMs: serverMs + (headHere ? 0 : (server?.headMs[backWidth ?? ''] ?? 0)),
      answerEncodeMs: server?.codecs[answerCodec ?? '']?.encodeMs ?? 0,
      downMs: split === undefined ? 0 : travelMs(split.link.down, choice.downBytes + frameBytes.down),
      answerDecodeMs: agent.codecs[answerCodec ?? '']?.decodeMs ?? 0,
    };
  };
  return {
    tokenStages(choice, tokens) {
      const { cut, cache, cached, frontWidth, backWidth } = choice;
      const [front, back] = [frontWidth ?? '', backWidth ?? ''];
      const ofAgent = () =>
        cached === 'everywhere'
          ? agentTimes.decodeMs(front, cache, 0, cut, tokens)
          : agentTimes.prefillMs(front, 0, cut, tokens);
      const agentMs = cut === 0 ? 0 : ofAgent();
      const serverMs = cut === model.layers ? 0 : serverTimes.decodeMs(back, cache, cut, model.layers, tokens);
      return stages(choice, agentMs, serverMs, 1);
    },
    firstTokenStages(choice) {
      const { cut, frontWidth: front, backWidth: back } = choice;
      const agentMs = cut === 0 ? 0 : agentTimes.prefillMs(front ?? '', 0, cut, promptTokens);
      const serverMs = cut === model.layers ? 0 : serverTimes.prefillMs(back ?? '', cut, model.layers, promptTokens);
      return stages(choice, agentMs, serverMs, promptTokens);
    },
    agentMemory(choice, tokens) {
      const hasHead = holdsHead(choice, model.layers);
      if (choice.cut === 0 && !hasHead) return undefined;
      const { cut, frontWidth, cache } = choice;
      const roleBytes = hasHead && cut > 0 && cut < model.layers ? model.roleBytes.headApart : 0;
      const held = { from: 0, to: cut, width: frontWidth ?? '', hasHead, cache, roleBytes };
      return memoryOf(problem, sums, agent, held, choice.cached === 'everywhere', tokens);
    },
    serverMemory(choice, tokens) {
      if (remote === undefined || choice.cut === model.layers) return undefined;
      const hasHead = !holdsHead(choice, model.layers);
      const { cut: from, cache } = choice;
      const roleBytes = tokens * model.roleBytes.servedToken;
      const held = { from, to: model.layers, width: choice.backWidth ?? '', hasHead, cache, roleBytes };
      return memoryOf(problem, sums, remote.side, held, true, tokens);
    },
    tokenBytes({ cut, upBytes, downBytes }) {
      return cut === model.layers ? 0 : upBytes + frameBytes.up + downBytes + frameBytes.down;
    },
  };
}

export function sumOfStages(stages: TokenStages): number {
  return Object.values(stages).reduce((sum, ms) => sum + ms, 0);
}

/** True if the agent has the last norm and the vocabulary matrix. */
function holdsHead({ cut, answerCodec }: LlmChoice, layers: number): boolean {
  return cut === layers || answerCodec !== null;
}

function travelMs({ fixedMs, bytesPerS }: { fixedMs: number; bytesPerS: number }, bytes: number): number {
  return fixedMs + (1000 * bytes) / bytesPerS;
}

interface Held {
  readonly from: number;
  readonly to: number;
  readonly width: string;
  readonly hasHead: boolean;
  readonly cache: string;
  readonly roleBytes: number;
}

function memoryOf(
  { model, chunkTokens }: LlmProblem,
  sums: ModelSums,
  { memory }: LlmSide,
  { from, to, width, hasHead, cache, roleBytes }: Held,
  cached: boolean,
  tokens: number,
): MemoryParts {
  const load = model.loadBytes[width];
  const held = {
    weightBytes: sums.weightBytes(width, from, to) + (hasHead ? (model.headBytes[width] ?? 0) : 0),
    loadBytes: Math.max(from < to ? (load?.layers ?? 0) : 0, hasHead ? (load?.head ?? 0) : 0),
    layers: to - from,
    roleBytes,
    cacheBytes: cached ? (model.cacheBytes[cache] ?? 0) : undefined,
  };
  return llmMemoryParts(model, memory, held, { tokens, chunkTokens });
}
