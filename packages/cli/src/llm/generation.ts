import { formatMs } from '../output/units.js';

/** What `llm generate` says with `--json`. */
export interface GenerateSummary extends Figures {
  readonly text: string;
  readonly tokens: readonly number[];
  readonly promptTokens: readonly number[];
  /** Both ways; 0 where nothing is sent. */
  readonly linkBytesPerToken: number;
}

interface Figures {
  /** From the prompt to the first token. */
  readonly ttftMs: number | null;
  /** Of the tokens behind the first. */
  readonly decodeTokensPerSecond: number | null;
  readonly prefillTokensPerSecond: number | null;
}

/** When tokens come. */
export class Pace {
  readonly #promptTokens: number;
  readonly #startMs = performance.now();
  #firstMs: number | undefined;
  #lastMs = 0;
  #tokens = 0;

  constructor(promptTokens: number) {
    this.#promptTokens = promptTokens;
  }

  token(): void {
    this.#lastMs = performance.now();
    this.#firstMs ??= this.#lastMs;
    this.#tokens += 1;
  }

  figures(): Figures {
    if (this.#firstMs === undefined) return { ttftMs: null, decodeTokensPerSecond: null, prefillTokensPerSecond: null };
    const ttftMs = this.#firstMs - this.#startMs;
    const decodeMs = this.#lastMs - this.#firstMs;
    return {
      ttftMs,
      decodeTokensPerSecond: this.#tokens < 2 ? null : ((this.#tokens - 1) * 1000) / decodeMs,
      prefillTokensPerSecond: (this.#promptTokens * 1000) / ttftMs,
    };
  }
}

/** One line below the text. */
export function generationText({ tokens, promptTokens, ttftMs, decodeTokensPerSecond }: GenerateSummary): string {
  const first = ttftMs === null ? 'no token' : `first token after ${formatMs(ttftMs)}`;
  const rest = decodeTokensPerSecond === null ? '' : `, then ${decodeTokensPerSecond.toFixed(1)} tokens/s`;
  return `${promptTokens.length} tokens of prompt, ${tokens.length} more: ${first}${rest}\n`;
}
