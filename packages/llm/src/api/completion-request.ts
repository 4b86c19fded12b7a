import { randomInt } from 'node:crypto';
import { CutpointError } from '@cutpoint/core';
import { z } from 'zod';
import { type Sampling, samplingOf } from '../text/sampling.js';

const mostPromptTokens = 2 ** 20;
const mostStops = 16;

/** What would change the answer if it were heeded, and is not there: only the value that changes nothing is taken. */
export const only = (schema: z.ZodType, what: string) =>
  schema.nullish().meta({ description: `not supported: ${what}` });

const literal = (what: string, ...values: (string | number | boolean)[]) =>
  only(z.literal(values, { error: `${what} is not supported` }), what);
const empty = (what: string) => only(z.strictObject({}, { error: `${what} is not supported` }), what);

/** What both kinds of requests may say. Null stands for what is left out, as some clients write all fields. */
export const commonFields = {
  model: z.string().min(1).max(1024).meta({ description: 'as /v1/models lists it' }),
  temperature: z
    .number()
    .min(0)
    .max(2)
    .nullish()
    .meta({ description: '0 takes the likeliest token each time; default 1' }),
  top_p: z
    .number()
    .gt(0)
    .max(1)
    .nullish()
    .meta({ description: 'only the likeliest that together have this share; default 1' }),
  top_k: z.int().min(0).nullish().meta({ description: 'extension: only so many of the likeliest tokens; 0 for all' }),
  min_p: z
    .number()
    .min(0)
    .max(1)
    .nullish()
    .meta({ description: 'extension: only those this share as likely as the likeliest' }),
  repetition_penalty: z
    .number()
    .gt(0)
    .max(100)
    .nullish()
    .meta({ description: 'extension: above 1, what was said becomes less likely' }),
  seed: z
    .int()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER)
    .nullish()
    .meta({ description: 'the same seed gives the same text; default: another each time' }),
  max_tokens: z.int().min(1).nullish().meta({ description: 'the text also ends where the context of the model does' }),
  stop: z
    .union([z.string().min(1).max(1_000), z.array(z.string().min(1).max(1_000)).max(mostStops)])
    .nullish()
    .meta({ description: 'the text ends before the first of these' }),
  stream: z.boolean().nullish().meta({ description: 'answer with server-sent events, the last of them [DONE]' }),
  stream_options: z.strictObject({ include_usage: z.boolean().nullish() }).nullish(),
  n: literal('more than one choice', 1),
  frequency_penalty: literal('a frequency penalty', 0),
  presence_penalty: literal('a presence penalty', 0),
  logit_bias: empty('a bias of logits'),
  /** They change no answer. */
  user: z.string().max(1024).nullish(),
  metadata: z.record(z.string().max(64), z.string().max(512)).nullish(),
  store: z.literal(false, { error: 'storing answers is not supported' }).nullish(),
};
type Common = z.output<z.ZodObject<typeof commonFields>>;

/** The body of `POST /v1/completions`. */
export const completionRequest = z.strictObject({
  ...commonFields,
  prompt: z
    .union([
      z.string(),
      z.array(z.int().min(0)).min(1).max(mostPromptTokens),
      z.array(z.union([z.string(), z.array(z.int().min(0)).min(1).max(mostPromptTokens)])).length(1),
    ])
    .meta({ description: 'one text, or one list of tokens' }),
  best_of: literal('the best of several', 1),
  echo: literal('repeating the prompt', false),
  logprobs: only(z.null({ error: 'logprobs is not supported' }), 'logarithms of probabilities'),
  suffix: literal('a text behind', ''),
});
export type CompletionBody = z.output<typeof completionRequest>;

/** The one prompt of a request. */
export function promptOf({ prompt }: Pick<CompletionBody, 'prompt'>): string | readonly number[] {
  if (typeof prompt === 'string') return prompt;
  const [first] = prompt;
  return typeof first === 'number' || first === undefined ? (prompt as readonly number[]) : first;
}

/**
 * As OpenAI has it, a text is drawn with temperature 1, and another one each time, unless the request says otherwise.
 * @throws CutpointError CUT_USAGE
 */
export function samplingOfRequest(body: Common): Sampling {
  return samplingOf({
    temperature: body.temperature ?? 1,
    topP: body.top_p ?? undefined,
    topK: body.top_k ?? undefined,
    minP: body.min_p ?? undefined,
    repetitionPenalty: body.repetition_penalty ?? undefined,
    seed: body.seed ?? randomInt(2 ** 47),
  });
}

export function stopsOf({ stop }: Pick<Common, 'stop'>): readonly string[] {
  return typeof stop === 'string' ? [stop] : (stop ?? []);
}

/** @throws CutpointError CUT_USAGE for options of a stream that is none. */
export function wantsUsage({ stream, stream_options: options }: Pick<Common, 'stream' | 'stream_options'>): boolean {
  if (stream === true || (options ?? undefined) === undefined) return options?.include_usage === true;
  throw new CutpointError('CUT_USAGE', 'stream_options are there, but the request asks for no stream: leave them out.');
}
