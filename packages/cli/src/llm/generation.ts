import type { SplitWidths, StepCost } from '@cutpoint/llm';
import type { ProviderChoice } from '@cutpoint/runtime';
import { providerText } from '../output/provider-text.js';
import { formatBytes, formatMs } from '../output/units.js';

/** What `llm generate` says with `--json`. */
export interface GenerateSummary extends Figures {
  readonly text: string;
  readonly tokens: readonly number[];
  readonly promptTokens: readonly number[];
  /** Of the layers on both sides. */
  readonly widths: SplitWidths;
  /** What computed it, where it ran whole. */
  readonly provider?: ProviderChoice;
}

/** How fast a text was continued. */
export interface Figures {
  /** From the prompt to the first token. */
  readonly ttftMs: number | null;
  /** Of the tokens behind the first. */
  readonly decodeTokensPerSecond: number | null;
  readonly prefillTokensPerSecond: number | null;
  /** Frames of the passes behind the first, both ways; 0 where nothing is sent. */
  readonly linkBytesPerToken: number;
  /** Of those what this side sent. */
  readonly sentBytesPerToken: number;
  /** What a token behind the first took, in the mean. */
  readonly perToken: TokenCost | null;
}

export interface TokenCost {
  /** Layers on this machine. */
  readonly agentMs: number;
  readonly codecMs: number;
  readonly linkMs: number;
  readonly serverMs: number;
}

/** When tokens come, and what they cost. */
export class Pace {
  readonly #promptTokens: number;
  readonly #startMs = performance.now();
  #firstMs: number | undefined;
  #lastMs = 0;
  #tokens = 0;
  #passes: StepCost[] = [];

  constructor(promptTokens: number) {
    this.#promptTokens = promptTokens;
  }

  pass(cost: StepCost): void {
    this.#passes.push(cost);
  }

  token(): void {
    this.#lastMs = performance.now();
    this.#firstMs ??= this.#lastMs;
    this.#tokens += 1;
  }

  figures(): Figures {
    const mean = (of: (cost: StepCost) => number) => this.#mean(of) ?? 0;
    const link = {
      linkBytesPerToken: mean(({ upBytes, downBytes }) => upBytes + downBytes),
      sentBytesPerToken: mean(({ upBytes }) => upBytes),
    };
    if (this.#firstMs === undefined) {
      return { ttftMs: null, decodeTokensPerSecond: null, prefillTokensPerSecond: null, ...link, perToken: null };
    }
    const ttftMs = this.#firstMs - this.#startMs;
    const decodeMs = this.#lastMs - this.#firstMs;
    return {
      ttftMs,
      decodeTokensPerSecond: this.#tokens < 2 ? null : ((this.#tokens - 1) * 1000) / decodeMs,
      prefillTokensPerSecond: (this.#promptTokens * 1000) / ttftMs,
      ...link,
      perToken: this.#perToken(),
    };
  }

  #perToken(): TokenCost | null {
    const agentMs = this.#mean((cost) => cost.agentMs);
    if (agentMs === undefined) return null;
    const mean = (of: (cost: StepCost) => number) => this.#mean(of) ?? 0;
    return {
      agentMs,
      codecMs: mean((cost) => cost.codecMs),
      linkMs: mean((cost) => cost.linkMs),
      serverMs: mean((cost) => cost.serverMs),
    };
  }

  /** The first pass runs the prompt. */
  #mean(of: (cost: StepCost) => number): number | undefined {
    if (this.#tokens < 2) return undefined;
    return this.#passes.slice(1).reduce((sum, cost) => sum + of(cost), 0) / (this.#tokens - 1);
  }
}

/** One line below the text, and a second where the model is cut. */
export function generationText(summary: GenerateSummary): string {
  const { tokens, promptTokens, ttftMs, decodeTokensPerSecond } = summary;
  const first = ttftMs === null ? 'no token' : `first token after ${formatMs(ttftMs)}`;
  const rest = decodeTokensPerSecond === null ? '' : `, then ${decodeTokensPerSecond.toFixed(1)} tokens/s`;
  const by =
    summary.provider === undefined || summary.provider.how === 'asked'
      ? ''
      : `computed by ${providerText(summary.provider)}\n`;
  return `${promptTokens.length} tokens of prompt, ${tokens.length} more: ${first}${rest}\n${costText(summary)}${by}`;
}

function costText({ perToken, linkBytesPerToken }: GenerateSummary): string {
  if (perToken === null || linkBytesPerToken === 0) return '';
  const { agentMs, codecMs, linkMs, serverMs } = perToken;
  const times = [`${formatMs(agentMs)} here`, `codec ${formatMs(codecMs)}`, `link ${formatMs(linkMs)}`];
  const bytes = formatBytes(Math.round(linkBytesPerToken));
  return `per token: ${times.join(', ')}, server ${formatMs(serverMs)}, ${bytes}\n`;
}
