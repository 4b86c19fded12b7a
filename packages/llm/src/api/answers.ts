import { z } from 'zod';
import type { CompletionEnd, Usage } from '../conversation/text-model.js';

const usage = z.object({
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  total_tokens: z.int(),
  prompt_tokens_details: z.object({
    cached_tokens: z.int().meta({ description: 'tokens of the prompt that an earlier request has run' }),
  }),
  cutpoint_cost: z
    .object({
      passes: z.int(),
      agent_ms: z.number(),
      codec_ms: z.number(),
      link_ms: z.number(),
      server_ms: z.number(),
      up_bytes: z.int(),
      down_bytes: z.int(),
    })
    .meta({ description: 'extension: where the time went, and what crossed the cut' }),
});
const finishReason = z.enum(['stop', 'length']);
const head = { id: z.string(), created: z.int(), model: z.string() };

/** The answer of `POST /v1/completions`; as a stream, events of the same form. */
export const completionAnswer = z.object({
  ...head,
  object: z.literal('text_completion'),
  choices: z.array(
    z.object({ index: z.int(), text: z.string(), logprobs: z.null(), finish_reason: finishReason.nullable() }),
  ),
  usage: usage.nullish(),
});

/** The answer of `POST /v1/chat/completions`. */
export const chatAnswer = z.object({
  ...head,
  object: z.literal('chat.completion'),
  choices: z.array(
    z.object({
      index: z.int(),
      message: z.object({ role: z.literal('assistant'), content: z.string(), refusal: z.null() }),
      logprobs: z.null(),
      finish_reason: finishReason,
    }),
  ),
  usage,
});

export const modelAnswer = z.object({
  id: z.string(),
  object: z.literal('model'),
  created: z.int(),
  owned_by: z.string(),
  context_length: z.int().meta({ description: 'extension: tokens of prompt and answer together' }),
});
export const modelsAnswer = z.object({ object: z.literal('list'), data: z.array(modelAnswer) });

export const failureAnswer = z.object({
  error: z.object({
    message: z.string().meta({ description: 'what is wrong and what to do' }),
    type: z.string(),
    param: z.null(),
    code: z.string().meta({ description: 'stable: CUT_...' }),
  }),
});

/** What all that belongs to one answer begins with. */
export interface AnswerHead {
  readonly id: string;
  /** In s since 1970. */
  readonly created: number;
  readonly model: string;
}

/** How an API writes answers: whole, or as the chunks of a stream. */
export interface AnswerForm {
  whole(head: AnswerHead, text: string, end: CompletionEnd): object;
  /** Before the first text; undefined where there is none. */
  opening(head: AnswerHead): object | undefined;
  chunk(head: AnswerHead, text: string, reason: CompletionEnd['reason'] | null): object;
  /** The last one, of a stream that is asked to tell. */
  usage(head: AnswerHead, usage: Usage): object;
}

const textHead = (head: AnswerHead) => ({ ...head, object: 'text_completion' as const });
const textChoice = (text: string, finish_reason: CompletionEnd['reason'] | null) => [
  { index: 0, text, logprobs: null, finish_reason },
];

export const completionForm: AnswerForm = {
  whole: (head, text, { reason, usage }) => ({
    ...textHead(head),
    choices: textChoice(text, reason),
    usage: usageOf(usage),
  }),
  opening: () => undefined,
  chunk: (head, text, reason) => ({ ...textHead(head), choices: textChoice(text, reason) }),
  usage: (head, usage) => ({ ...textHead(head), choices: [], usage: usageOf(usage) }),
};

const chunkHead = (head: AnswerHead) => ({ ...head, object: 'chat.completion.chunk' as const });
const deltaChoice = (delta: object, finish_reason: CompletionEnd['reason'] | null) => [
  { index: 0, delta, logprobs: null, finish_reason },
];

export const chatForm: AnswerForm = {
  whole: (head, text, { reason, usage }) => ({
    ...head,
    object: 'chat.completion' as const,
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: text, refusal: null },
        logprobs: null,
        finish_reason: reason,
      },
    ],
    usage: usageOf(usage),
  }),
  opening: (head) => ({ ...chunkHead(head), choices: deltaChoice({ role: 'assistant', content: '' }, null) }),
  chunk: (head, text, reason) => ({
    ...chunkHead(head),
    choices: deltaChoice(text === '' ? {} : { content: text }, reason),
  }),
  usage: (head, usage) => ({ ...chunkHead(head), choices: [], usage: usageOf(usage) }),
};

function usageOf({ promptTokens, cachedTokens, completionTokens, cost }: Usage): z.output<typeof usage> {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
    cutpoint_cost: {
      passes: cost.passes,
      agent_ms: cost.agentMs,
      codec_ms: cost.codecMs,
      link_ms: cost.linkMs,
      server_ms: cost.serverMs,
      up_bytes: cost.upBytes,
      down_bytes: cost.downBytes,
    },
  };
}
