import { once } from 'node:events';
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { asCutpointError, CutpointError, isErrorCode } from '@cutpoint/core';
import type { Usage } from '@cutpoint/llm';
import { z } from 'zod';
import type { AnswerOptions, AnswerPart, ChatModel } from './chat-model.js';
import { eventData } from './event-lines.js';

export interface ApiOptions {
  /** PEM of the authority of its certificate. */
  readonly ca?: string | undefined;
  readonly token?: string | undefined;
}

const silentMs = 600_000;
const mostErrorCharacters = 65_536;
const number = z.number().min(0);

const models = z.object({ data: z.array(z.object({ id: z.string().max(1024) })).min(1) });
const failure = z.object({ error: z.object({ message: z.string(), code: z.string().nullish() }) });
const usageShape = z.object({
  prompt_tokens: number,
  completion_tokens: number,
  prompt_tokens_details: z.object({ cached_tokens: number.nullish() }).nullish(),
  cutpoint_cost: z
    .object({
      passes: number,
      agent_ms: number,
      codec_ms: number,
      link_ms: number,
      server_ms: number,
      up_bytes: number,
      down_bytes: number,
    })
    .nullish(),
});
const chunk = z.object({
  choices: z.array(z.object({ delta: z.object({ content: z.string().nullish() }) })),
  usage: usageShape.nullish(),
});

/**
 * A chat with the first model of an API like OpenAI's.
 * @param url of the API, with or without /v1.
 * @throws CutpointError CUT_UNREACHABLE, CUT_TLS, CUT_HTTP, and what the server answers with.
 */
export async function openApiChat(url: string, options: ApiOptions, signal: AbortSignal): Promise<ChatModel> {
  const base = url.replace(/\/+$/, '').replace(/\/v1$/, '');
  const listed = await textOf(await ask(`${base}/v1/models`, undefined, options, signal));
  const [model] = parsed(models, listed).data;
  const name = model?.id ?? '';
  return {
    name,
    async *answer(messages, asked, cancelled): AsyncGenerator<AnswerPart> {
      const body = { model: name, messages, stream: true, stream_options: { include_usage: true }, ...fieldsOf(asked) };
      const response = await ask(`${base}/v1/chat/completions`, body, options, cancelled);
      try {
        for await (const data of eventData(response)) yield partOf(data);
      } catch (thrown) {
        if (cancelled.aborted) throw new CutpointError('CUT_CANCELLED', 'Interrupted.');
        throw asCutpointError(thrown, 'CUT_CONNECTION_LOST');
      } finally {
        response.destroy();
      }
    },
    async [Symbol.asyncDispose]() {},
  };
}

function fieldsOf({ maxTokens, temperature, topK, topP, minP, repetitionPenalty, seed }: AnswerOptions): object {
  return {
    max_tokens: maxTokens,
    temperature,
    top_k: topK,
    top_p: topP,
    min_p: minP,
    repetition_penalty: repetitionPenalty,
    seed,
  };
}

function partOf(data: string): AnswerPart {
  const told = parsed(z.union([failure, chunk]), data);
  if ('error' in told) throw failureOf(told);
  const text = told.choices.map(({ delta }) => delta.content ?? '').join('');
  const { usage } = told;
  return usage === null || usage === undefined ? { text } : { text, usage: usageOf(usage) };
}

function usageOf({ prompt_tokens, completion_tokens, ...more }: z.output<typeof usageShape>): Usage {
  const cost = more.cutpoint_cost;
  return {
    promptTokens: prompt_tokens,
    cachedTokens: more.prompt_tokens_details?.cached_tokens ?? 0,
    completionTokens: completion_tokens,
    cost: {
      passes: cost?.passes ?? 0,
      agentMs: cost?.agent_ms ?? 0,
      codecMs: cost?.codec_ms ?? 0,
      linkMs: cost?.link_ms ?? 0,
      serverMs: cost?.server_ms ?? 0,
      upBytes: cost?.up_bytes ?? 0,
      downBytes: cost?.down_bytes ?? 0,
    },
  };
}

async function ask(
  url: string,
  body: object | undefined,
  { ca, token }: ApiOptions,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers = {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
  };
  const method = text === undefined ? 'GET' : 'POST';
  const request = url.startsWith('https:')
    ? requestHttps(url, { method, headers, signal, ...(ca === undefined ? {} : { ca }) })
    : requestHttp(url, { method, headers, signal });
  request.setTimeout(silentMs, () => request.destroy(new CutpointError('CUT_DEADLINE', 'The server says nothing.')));
  request.end(text);
  let response: IncomingMessage;
  try {
    [response] = (await once(request, 'response')) as [IncomingMessage];
  } catch (thrown) {
    if (signal.aborted) throw new CutpointError('CUT_CANCELLED', 'Interrupted.');
    throw asCutpointError(thrown, 'CUT_UNREACHABLE', `No API answers at ${url}`);
  }
  response.setEncoding('utf8');
  if (response.statusCode === 200) return response;
  throw failureOf(parsed(failure, await textOf(response)));
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of response) {
    text += part;
    if (text.length > mostErrorCharacters) throw notAnApi();
  }
  return text;
}

function parsed<T>(schema: z.ZodType<T>, text: string): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch (thrown) {
    throw new CutpointError('CUT_HTTP', notAnApi().message, { cause: thrown });
  }
}

function notAnApi(): CutpointError {
  return new CutpointError(
    'CUT_HTTP',
    'The server does not answer as the API of OpenAI does: give the address of one that does.',
  );
}

function failureOf({ error: { code, message } }: z.output<typeof failure>): CutpointError {
  return new CutpointError(isErrorCode(code) ? code : 'CUT_HTTP', message);
}
