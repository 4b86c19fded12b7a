import type { ChatMessage, StepCost, Usage } from '@cutpoint/llm';

/** How answers are written; what is left out is the model's or the server's to choose. */
export interface AnswerOptions {
  readonly maxTokens?: number | undefined;
  readonly temperature?: number | undefined;
  readonly topK?: number | undefined;
  readonly topP?: number | undefined;
  readonly minP?: number | undefined;
  readonly repetitionPenalty?: number | undefined;
  readonly seed?: number | undefined;
}

/** A piece of an answer: of one pass, or of the end. */
export interface AnswerPart {
  readonly text: string;
  /** What the pass gave and cost, where that is told for each. */
  readonly pass?: { readonly tokens: number; readonly cost: StepCost };
  /** With the last part. */
  readonly usage?: Usage;
}

/** What a chat is with: a package in this process, or an API. */
export interface ChatModel extends AsyncDisposable {
  readonly name: string;
  /** @throws CutpointError; CUT_CANCELLED once the signal aborts. */
  answer(messages: readonly ChatMessage[], options: AnswerOptions, signal: AbortSignal): AsyncIterable<AnswerPart>;
}
