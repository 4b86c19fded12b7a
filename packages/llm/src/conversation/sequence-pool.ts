import type { CancelSignal } from '@cutpoint/core';
import type { DecoderConfig } from '../architecture/decoder-config.js';
import { capacityStepTokens } from '../decode/kv-cache.js';
import type { TokenDecoder } from '../decode/token-decoder.js';
import { type TurnLimits, Turns } from './turns.js';

export interface PoolLimits extends TurnLimits {
  /** How many sequences are kept for requests that begin in the same way. */
  readonly maxKept: number;
  /** What the caches of all sequences may take before kept ones are dropped, at f32, in bytes. */
  readonly maxKeptBytes: number;
}

export const defaultPoolLimits: PoolLimits = {
  maxRunning: 4,
  maxWaiting: 16,
  maxWaitMs: 30_000,
  maxKept: 16,
  maxKeptBytes: 512 * 2 ** 20,
};

/** A sequence that a request has for itself until it disposes of it. */
export interface TakenSequence extends Disposable {
  readonly sequence: number;
  /** Tokens at the start of the prompt that it holds already: always less than all of them. */
  readonly reusedTokens: number;
  /** Says that it now holds the first `tokens` tokens of a text, which may grow later. */
  holds(text: readonly number[], tokens: number): void;
}

interface Held {
  readonly sequence: number;
  /** It holds the first `tokens` of these. */
  text: readonly number[];
  tokens: number;
  /** The most that it ever held: caches do not shrink. */
  mostTokens: number;
}

/**
 * The sequences of a decoder, shared between requests: so many run at once, others wait. What a request leaves in a sequence
 * is kept for requests that begin with the same tokens, as the next turn of a conversation does.
 */
export class SequencePool {
  readonly #decoder: TokenDecoder;
  readonly #limits: PoolLimits;
  readonly #turns: Turns;
  readonly #running = new Set<Held>();
  /** The one that was used last is the last. */
  #kept: Held[] = [];

  constructor(decoder: TokenDecoder, limits: Partial<PoolLimits> = {}) {
    this.#decoder = decoder;
    this.#limits = { ...defaultPoolLimits, ...limits };
    this.#turns = new Turns(this.#limits);
  }

  /** Sequences that no request has. */
  get kept(): number {
    return this.#kept.length;
  }

  /**
   * Waits for a turn, and gives a sequence that holds as much of the beginning of the prompt as any does.
   * @param prompt at least one token.
   * @throws CutpointError as `Turns.take`.
   */
  async take(prompt: readonly number[], signal?: CancelSignal): Promise<TakenSequence> {
    const turn = await this.#turns.take(signal);
    const held = this.#begin(prompt);
    this.#running.add(held);
    this.#dropOldest();
    const { sequence, tokens: reusedTokens } = held;
    return {
      sequence,
      reusedTokens,
      holds(text, tokens) {
        held.text = text;
        held.tokens = tokens;
        held.mostTokens = Math.max(held.mostTokens, tokens);
      },
      [Symbol.dispose]: () => {
        if (this.#running.delete(held)) this.#giveBack(held);
        turn[Symbol.dispose]();
      },
    };
  }

  #begin(prompt: readonly number[]): Held {
    const most = prompt.length - 1;
    let best: { held: Held; common: number } | undefined;
    for (const held of [...this.#running, ...this.#kept]) {
      const common = commonTokens(held, prompt, most);
      // Of equals one that is kept, and of those the one used last.
      if (common > 0 && common >= (best?.common ?? 0)) best = { held, common };
    }
    if (best === undefined) return { sequence: this.#decoder.sequence(), text: [], tokens: 0, mostTokens: 0 };
    const { held, common } = best;
    const text = prompt.slice(0, common);
    // What would lose more than it gives, such as a conversation that has only its first words in common, stays as it is.
    if (this.#running.has(held) || 2 * common < held.tokens) {
      return { sequence: this.#decoder.clone(held.sequence, common), text, tokens: common, mostTokens: common };
    }
    this.#kept = this.#kept.filter((other) => other !== held);
    this.#decoder.truncate(held.sequence, common);
    return { ...held, text, tokens: common };
  }

  #giveBack(held: Held): void {
    // A draft's last tokens may be in it beyond what the request has seen.
    this.#decoder.truncate(held.sequence, held.tokens);
    this.#kept.push({ ...held, text: held.text.slice(0, held.tokens) });
    this.#dropOldest();
  }

  #dropOldest(): void {
    const { maxKept, maxKeptBytes } = this.#limits;
    while (this.#kept.length > maxKept || (this.#kept.length > 0 && this.#bytes() > maxKeptBytes)) {
      const oldest = this.#kept.shift();
      if (oldest !== undefined) this.#decoder.drop(oldest.sequence);
    }
  }

  #bytes(): number {
    const bytes = cacheBytesPerToken(this.#decoder.config);
    return [...this.#running, ...this.#kept].reduce((sum, held) => sum + capacity(held.mostTokens) * bytes, 0);
  }
}

function commonTokens({ text, tokens }: Held, prompt: readonly number[], most: number): number {
  const longest = Math.min(tokens, most);
  let common = 0;
  while (common < longest && text[common] === prompt[common]) common++;
  return common;
}

function capacity(tokens: number): number {
  return Math.ceil(tokens / capacityStepTokens) * capacityStepTokens;
}

/** Keys and values of all layers at f32, wherever they are: more than what is here of a model that is cut. */
function cacheBytesPerToken({ layers, kvHeads, headSize }: DecoderConfig): number {
  return 2 * layers * kvHeads * headSize * Float32Array.BYTES_PER_ELEMENT;
}
