import { type CancelSignal, CutpointError } from '@cutpoint/core';
import { generate } from '../decode/generate.js';
import type { NextTokens, StepCost, TokenDecoder } from '../decode/token-decoder.js';
import type { ChatMessage, ChatTemplate } from '../text/chat-template.js';
import type { Sampling } from '../text/sampling.js';
import { createStopFilter } from '../text/stop-strings.js';
import type { Tokenizer } from '../text/tokenizer.js';
import { partTokens, piecesOf } from '../text/written-tokens.js';
import { type PoolLimits, SequencePool, type TakenSequence } from './sequence-pool.js';

export interface TextModelParts {
  readonly name: string;
  readonly decoder: TokenDecoder;
  readonly tokenizer: Tokenizer;
  /** Undefined for a model that knows no conversations. @throws CutpointError CUT_CHAT_TEMPLATE for one that is wrong. */
  readonly template: () => ChatTemplate | undefined;
  /** So many tokens are guessed from the text so far, and verified in one pass. Default: none. */
  readonly draftTokens?: number;
}

export interface CompletionRequest {
  /** At least one token. */
  readonly prompt: readonly number[];
  /** At most; the text also ends where the model's context does. Default: there. */
  readonly maxTokens?: number | undefined;
  readonly sampling: Sampling;
  /** The text ends before the first of these. */
  readonly stop: readonly string[];
  /** Whether a blank at the text's start belongs to it, as where it goes on in the middle of one. */
  readonly continues: boolean;
  readonly signal?: CancelSignal;
}

/** What one pass gave. */
export interface CompletionPart {
  /** What may be shown by now; may be empty. */
  readonly text: string;
  readonly tokens: number;
  readonly cost: StepCost;
}

/** The last of all parts. */
export interface CompletionEnd {
  readonly text: string;
  /** `stop`: the model ended its text, or a stop string did. `length`: there was no room for more. */
  readonly reason: 'stop' | 'length';
  readonly usage: Usage;
}

export interface Usage {
  readonly promptTokens: number;
  /** Of the prompt, those that were run for an earlier request. */
  readonly cachedTokens: number;
  readonly completionTokens: number;
  /** Of all passes together. */
  readonly cost: StepCost & { readonly passes: number };
}

/** A model that texts go into and come out of, for several requests at once. */
export class TextModel {
  readonly name: string;
  readonly #parts: TextModelParts;
  readonly #pool: SequencePool;
  #template: { readonly is: ChatTemplate | undefined } | undefined;

  constructor(parts: TextModelParts, limits: Partial<PoolLimits> = {}) {
    this.name = parts.name;
    this.#parts = parts;
    this.#pool = new SequencePool(parts.decoder, limits);
  }

  get contextTokens(): number {
    return this.#parts.decoder.config.contextTokens;
  }

  /**
   * The tokens of a text, with what the model expects around it.
   * @throws CutpointError CUT_INPUT, CUT_TOKENIZER
   */
  encode(text: string): number[] {
    this.#requireShort(text);
    return this.#parts.tokenizer.encode(text);
  }

  /**
   * The tokens of a conversation, up to where the model's answer begins. Special tokens are the template's: those that a message
   * has written out are mere characters.
   * @param variables of the template.
   * @throws CutpointError CUT_CHAT_TEMPLATE for a model without template, or as `ChatTemplate.render`; CUT_INPUT, CUT_TOKENIZER.
   */
  encodeChat(messages: readonly ChatMessage[], variables: Readonly<Record<string, unknown>> = {}): number[] {
    this.#template ??= { is: this.#parts.template() };
    const template = this.#template.is;
    if (template === undefined) {
      const message = `The model ${this.name} has no chat template, so it knows no conversations: give it a text to continue instead.`;
      throw new CutpointError('CUT_CHAT_TEMPLATE', message);
    }
    const { tokenizer } = this.#parts;
    const said = messages.map((message) => ({
      ...message,
      content: partTokens(message.content, tokenizer.specialTokens),
    }));
    const prompt = template.render(said, { variables });
    this.#requireShort(prompt);
    return piecesOf(prompt).flatMap((piece) => tokenizer.encode(piece, { special: false }));
  }

  /** Making tokens holds all others up: a text that cannot fit, however long its tokens are, is not made into any. */
  #requireShort({ length }: string): void {
    const { longestToken } = this.#parts.tokenizer;
    if (length <= this.contextTokens * longestToken) return;
    const message = `The prompt has ${length} characters, but the model takes ${this.contextTokens} tokens, the longest of ${longestToken}; shorten it.`;
    throw new CutpointError('CUT_INPUT', message);
  }

  /**
   * Continues a prompt: a part for each pass, and the end.
   * @throws CutpointError CUT_INPUT for a prompt that is empty, too long or not of this model; CUT_USAGE for stop strings;
   * CUT_OVERLOADED; what the signal says; and as `TokenDecoder.next`.
   */
  async *complete(request: CompletionRequest): AsyncGenerator<CompletionPart | CompletionEnd> {
    const { prompt, stop, continues, sampling, signal } = request;
    const { decoder, tokenizer, draftTokens = 0 } = this.#parts;
    checkPrompt(prompt, decoder.config);
    const room = Math.max(1, this.contextTokens - prompt.length + 1);
    const maxTokens = Math.min(request.maxTokens ?? room, room);
    const filter = createStopFilter(stop);
    const texts = tokenizer.stream({ continues });
    using taken = await this.#pool.take(prompt, signal);
    const cancelled = signal === undefined ? {} : { signal };
    const own = { sequence: taken.sequence, draftTokens, ...cancelled };
    const passes = generate(decoder, { prompt, maxTokens, sampling, ...own });
    const sum = new Sum(prompt.length, taken.reusedTokens);
    for await (const next of remembered(passes, prompt, taken)) {
      let text = '';
      let tokens = 0;
      for (const token of next.tokens) {
        if (filter.stoppedBy !== undefined) break;
        text += filter.push(texts.push(token));
        tokens += 1;
      }
      sum.add(tokens, next.cost);
      yield { text, tokens, cost: next.cost };
      if (filter.stoppedBy !== undefined) break;
    }
    const text = filter.push(texts.end()) + filter.end();
    const { usage } = sum;
    const stopped = filter.stoppedBy !== undefined || usage.completionTokens < maxTokens;
    yield { text, reason: stopped ? 'stop' : 'length', usage };
  }
}

/** Keeps track of what the sequence holds. */
async function* remembered(
  passes: AsyncIterable<NextTokens>,
  prompt: readonly number[],
  taken: TakenSequence,
): AsyncGenerator<NextTokens> {
  const text = [...prompt];
  for await (const next of passes) {
    const tokens = text.length + Math.min(next.accepted, next.tokens.length);
    text.push(...next.tokens);
    taken.holds(text, tokens);
    yield next;
  }
}

function checkPrompt(prompt: readonly number[], { contextTokens, vocabularySize }: TokenDecoder['config']): void {
  if (prompt.length === 0) throw new CutpointError('CUT_INPUT', 'The prompt has no tokens: give at least one.');
  if (prompt.length > contextTokens) {
    const message = `The prompt has ${prompt.length} tokens, but the model takes ${contextTokens}; shorten it.`;
    throw new CutpointError('CUT_INPUT', message);
  }
  const unknown = prompt.find((token) => token >= vocabularySize);
  if (unknown === undefined) return;
  throw new CutpointError('CUT_INPUT', `There is no token ${unknown}: the model has ${vocabularySize}.`);
}

/** Adds up passes. */
class Sum {
  readonly #promptTokens: number;
  readonly #cachedTokens: number;
  #completionTokens = 0;
  #cost = { agentMs: 0, codecMs: 0, linkMs: 0, serverMs: 0, upBytes: 0, downBytes: 0, passes: 0 };

  constructor(promptTokens: number, cachedTokens: number) {
    this.#promptTokens = promptTokens;
    this.#cachedTokens = cachedTokens;
  }

  add(tokens: number, cost: StepCost): void {
    const sum = this.#cost;
    this.#completionTokens += tokens;
    this.#cost = {
      agentMs: sum.agentMs + cost.agentMs,
      codecMs: sum.codecMs + cost.codecMs,
      linkMs: sum.linkMs + cost.linkMs,
      serverMs: sum.serverMs + cost.serverMs,
      upBytes: sum.upBytes + cost.upBytes,
      downBytes: sum.downBytes + cost.downBytes,
      passes: sum.passes + 1,
    };
  }

  get usage(): Usage {
    return {
      promptTokens: this.#promptTokens,
      cachedTokens: this.#cachedTokens,
      completionTokens: this.#completionTokens,
      cost: this.#cost,
    };
  }
}
