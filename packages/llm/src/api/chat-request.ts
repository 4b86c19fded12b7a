import { z } from 'zod';
import type { ChatMessage } from '../text/chat-template.js';
import { commonFields, only } from './completion-request.js';

const mostMessages = 4_096;
const mostParts = 1_024;

const textPart = z.object({ type: z.literal('text', { error: 'only text is supported' }), text: z.string() });
const message = z.strictObject({
  role: z.enum(['system', 'developer', 'user', 'assistant'], { error: 'only system, user and assistant may speak' }),
  content: z.union([z.string(), z.array(textPart).min(1).max(mostParts)]),
  name: z.string().max(64).nullish(),
});

const never = (what: string) => only(z.never({ error: `${what} is not supported` }), what);

/** The body of `POST /v1/chat/completions`. */
export const chatRequest = z.strictObject({
  ...commonFields,
  messages: z.array(message).min(1).max(mostMessages),
  max_completion_tokens: z.int().min(1).nullish().meta({ description: 'the newer name of max_tokens; counts more' }),
  chat_template_kwargs: z
    .record(z.string().max(64), z.union([z.string().max(65_536), z.number(), z.boolean(), z.null()]))
    .nullish()
    .meta({ description: 'extension: further variables of the chat template, such as enable_thinking' }),
  logprobs: only(z.literal(false, { error: 'logprobs is not supported' }), 'logarithms of probabilities'),
  top_logprobs: never('top_logprobs'),
  response_format: only(
    z.strictObject({ type: z.literal('text', { error: 'only text is supported' }) }),
    'answers of a given form',
  ),
  modalities: only(z.tuple([z.literal('text')], { error: 'only text is supported' }), 'other than text'),
  tools: only(z.array(z.never()).max(0, { error: 'calling tools is not supported' }), 'calling tools'),
  tool_choice: only(z.literal(['none', 'auto'], { error: 'calling tools is not supported' }), 'calling tools'),
});
export type ChatBody = z.output<typeof chatRequest>;

/** The messages as templates know them: OpenAI's newer word for the system is the system, parts of a text are one. */
export function messagesOf({ messages }: Pick<ChatBody, 'messages'>): ChatMessage[] {
  return messages.map(({ role, content, name }) => ({
    role: role === 'developer' ? 'system' : role,
    content: typeof content === 'string' ? content : content.map(({ text }) => text).join(''),
    ...((name ?? undefined) === undefined ? {} : { name }),
  }));
}
