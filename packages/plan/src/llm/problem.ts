import type { PlanLink } from '../problem.js';

/**
 * How to run a language model on an agent and a server, as measured tables: the agent runs the layers before a cut, the server
 * those behind it, and each token crosses the link once either way. Widths, codecs and kinds of cache are open lists: names
 * that the tables share.
 */
export interface LlmProblem {
  readonly model: LlmModel;
  /** Has the text; runs the layers before the cut. */
  readonly agent: LlmSide;
  /** Runs the layers behind the cut. Undefined: only plans on the agent alone are possible. */
  readonly remote: { readonly side: LlmSide; readonly link: PlanLink } | undefined;
  /** What was measured of the model's quality; what was not is no plan. */
  readonly splits: readonly LlmSplit[];
  /** Tokens of the prompt: what the first token waits for. */
  readonly promptTokens: number;
  /** Tokens of the whole text, prompt included, at which times and memory of a plan are stated. */
  readonly lengthTokens: number;
  /** So many tokens are computed at once. */
  readonly chunkTokens: number;
  /** Bytes of a message but for its tokens: frames and headers. */
  readonly frameBytes: { readonly up: number; readonly down: number };
}

export interface LlmModel {
  readonly layers: number;
  /** No text is longer. */
  readonly contextTokens: number;
  /** By width: bytes of each layer's weights as they lie in memory. */
  readonly layerBytes: Readonly<Record<string, readonly number[]>>;
  /** By width: bytes of the last norm and the vocabulary matrix as they lie in memory. */
  readonly headBytes: Readonly<Record<string, number>>;
  /** By width: what lies beside all that while it is read, of the layers and of the head. */
  readonly loadBytes: Readonly<Record<string, { readonly layers: number; readonly head: number }>>;
  /** By kind of cache: bytes of the keys and values of one token in one layer. */
  readonly cacheBytes: Readonly<Record<string, number>>;
  /** Bytes of one token on a side without a cache: its hidden state, and the keys and values of the layer that runs. */
  readonly uncachedTokenBytes: number;
  /** Caches grow by so many tokens at a time. */
  readonly cacheStepTokens: number;
  readonly passBytes: LlmPassBytes;
  readonly roleBytes: LlmRoleBytes;
}

/** What a process takes for what it does, beside `baseBytes` and a pass. */
export interface LlmRoleBytes {
  /** It serves others: for each token of the text, whose hidden state is copied more often. */
  readonly servedToken: number;
  /** It runs the head in a thread of its own, beside that of its layers: a private agent. */
  readonly headApart: number;
}

/** What a pass takes beside weights and caches, in bytes. */
export interface LlmPassBytes {
  /** For each token that is computed at once, whatever the layers. */
  readonly token: number;
  /** For each token that is computed at once, in each layer. */
  readonly layerToken: number;
  /** For each token of the text: its hidden state, as often as it is copied on its way, and keys and values of one layer. */
  readonly textToken: number;
  /** For each token that is computed at once and each of the text: scores of attention, in one layer. */
  readonly score: number;
}

/** What was measured on one device. */
export interface LlmSide {
  readonly id: string;
  /** Lengths in tokens at which layers were measured, ascending; nothing is said of longer texts. */
  readonly lengths: readonly number[];
  /** By width, one entry for each layer. */
  readonly layers: Readonly<Record<string, readonly LlmLayerTimes[]>>;
  /** By width: time of the head for one token. */
  readonly headMs: Readonly<Record<string, number>>;
  /** By codec: times for one token. */
  readonly codecs: Readonly<Record<string, { readonly encodeMs: number; readonly decodeMs: number }>>;
  /** Of the process that computes: `baseBytes + perWeightByte * weights + cache + pass`. */
  readonly memory: {
    readonly baseBytes: number;
    readonly perWeightByte: number;
  };
}

/** Times of one layer, by the lengths of its side. A time below that of a shorter length is noise; the longer one counts. */
export interface LlmLayerTimes {
  /** By kind of cache: one token behind so many. */
  readonly decodeMs: Readonly<Record<string, readonly number[]>>;
  /** So many tokens at once, none before them. */
  readonly prefillMs: readonly number[];
}

/** A way to split the model with its perplexity, measured and no proxy. */
export interface LlmSplit {
  /** Layers on the agent: 0 is all on the server, all of them all on the agent. */
  readonly cut: number;
  /** Width of what the agent holds; null if that is nothing. */
  readonly frontWidth: string | null;
  /** Width of what the server holds; null if that is nothing. */
  readonly backWidth: string | null;
  /** How the hidden state reaches the server; null where tokens do (cut 0), or nothing (all on the agent). */
  readonly codec: string | null;
  /** How it comes back where the agent holds the head, so that the server sees no token; null where a token comes back. */
  readonly answerCodec: string | null;
  /** Kind of the caches. */
  readonly cache: string;
  readonly perplexity: number;
  /** Bytes of one token on the link, either way, without frames. */
  readonly upBytes: number;
  readonly downBytes: number;
}

/**
 * Who keeps keys and values. `everywhere`: both sides. `server`: the agent computes its layers for the whole text again with
 * each token, and sends the newest alone, as the server has the others.
 */
export type CacheUse = 'everywhere' | 'server';

export type LlmChoice = LlmSplit & { readonly cached: CacheUse };

export interface LlmCosts {
  /** Time of the last token of a text of `lengthTokens`: the slowest, as no token is faster than one before it. */
  readonly tokenMs: number;
  /** From the prompt to the first token. */
  readonly firstTokenMs: number;
  /** Peaks at `lengthTokens`; 0 for a side that computes nothing. */
  readonly agentMemoryBytes: number;
  readonly serverMemoryBytes: number;
  /** Both ways, frames counted, for the last token of a text of `lengthTokens`. */
  readonly tokenBytes: number;
  readonly perplexity: number;
  /** The longest text that keeps all limits, in tokens. */
  readonly longestTokens: number;
}

export type LlmPlan = LlmChoice & LlmCosts;

/** What can be optimised; all but `length` are better when smaller. */
export const llmObjectives = [
  'token-latency',
  'first-token',
  'agent-memory',
  'server-memory',
  'bytes',
  'perplexity',
  'length',
] as const;
export type LlmObjective = (typeof llmObjectives)[number];
