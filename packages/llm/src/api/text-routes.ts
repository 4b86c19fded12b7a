import { randomUUID } from 'node:crypto';
import { CutpointError, type ErrorCode } from '@cutpoint/core';
import { Deadline, type Log } from '@cutpoint/daemon';
import { callerGone, checkJson, failureHandler, failureOf, type HttpLimits, jsonParser, Refusal } from '@cutpoint/http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { CompletionRequest, TextModel } from '../conversation/text-model.js';
import {
  type AnswerForm,
  chatAnswer,
  chatForm,
  completionAnswer,
  completionForm,
  failureAnswer,
  modelAnswer,
  modelsAnswer,
} from './answers.js';
import { type ChatBody, chatRequest, messagesOf } from './chat-request.js';
import {
  type CompletionBody,
  completionRequest,
  promptOf,
  samplingOfRequest,
  stopsOf,
  wantsUsage,
} from './completion-request.js';
import { failureForm } from './failure-form.js';
import type { TextMetrics } from './model-metrics.js';
import { sendStream, sendWhole } from './send-answer.js';

export interface TextRoutesOptions {
  readonly model: TextModel;
  readonly metrics: TextMetrics;
  readonly limits: HttpLimits;
  readonly log: Log;
}

/** About a million tokens. */
const maxBodyBytes = 8 * 2 ** 20;
/** Of a completion that names no number, as OpenAI has it. */
const defaultCompletionTokens = 16;

const tags = ['Language model'];
const failures = { '4xx': failureAnswer, '5xx': failureAnswer };
const config = { scope: 'infer' } as const;
const params = z.object({ id: z.string().max(1024) });

/**
 * `/v1/models`, `/v1/completions` and `/v1/chat/completions` as OpenAI has them, for one model.
 * Source: the API reference at platform.openai.com/docs/api-reference.
 */
export async function textRoutes(app: FastifyInstance, options: TextRoutesOptions): Promise<void> {
  const { model, limits, log } = options;
  app.setErrorHandler(failureHandler(log, failureForm));
  const parse = jsonParser(app);
  // Whatever they call it, clients send JSON.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, async (_request: FastifyRequest, body: Buffer) => {
    checkJson(body, limits);
    return parse(body.toString('utf8'));
  });
  modelRoutes(app, model);
  const answers = new Answers(options);
  const completions = {
    summary: 'Continue a text',
    tags,
    body: completionRequest,
    response: { 200: completionAnswer, ...failures },
  };
  app.post<{ Body: CompletionBody }>(
    '/v1/completions',
    { schema: completions, config, bodyLimit: maxBodyBytes },
    (request, reply) => answers.complete(request, reply),
  );
  const chats = {
    summary: 'Answer a conversation',
    tags,
    body: chatRequest,
    response: { 200: chatAnswer, ...failures },
  };
  app.post<{ Body: ChatBody }>(
    '/v1/chat/completions',
    { schema: chats, config, bodyLimit: maxBodyBytes },
    (request, reply) => answers.chat(request, reply),
  );
}

function modelRoutes(app: FastifyInstance, model: TextModel): void {
  const described: z.output<typeof modelAnswer> = {
    id: model.name,
    object: 'model',
    created: Math.floor(Date.now() / 1000),
    owned_by: 'cutpoint',
    context_length: model.contextTokens,
  };
  const all = { summary: 'The models', tags, response: { 200: modelsAnswer, ...failures } };
  app.get('/v1/models', { schema: all, config }, async () => ({ object: 'list', data: [described] }));
  const one = { summary: 'A model', tags, params, response: { 200: modelAnswer, ...failures } };
  app.get<{ Params: z.output<typeof params> }>('/v1/models/:id', { schema: one, config }, async (request) => {
    requireModel(model, request.params.id);
    return described;
  });
}

/** Answers completions and chats. */
class Answers {
  readonly #options: TextRoutesOptions;

  constructor(options: TextRoutesOptions) {
    this.#options = options;
  }

  async complete(request: FastifyRequest<{ Body: CompletionBody }>, reply: FastifyReply): Promise<FastifyReply> {
    const { model } = this.#options;
    const { body } = request;
    requireModel(model, body.model);
    const prompt = promptOf(body);
    const asked = {
      prompt: typeof prompt === 'string' ? model.encode(prompt) : prompt,
      maxTokens: body.max_tokens ?? defaultCompletionTokens,
      sampling: samplingOfRequest(body),
      stop: stopsOf(body),
      continues: true,
    };
    return await this.#answer(request, reply, { asked, form: completionForm, kind: 'cmpl' });
  }

  async chat(request: FastifyRequest<{ Body: ChatBody }>, reply: FastifyReply): Promise<FastifyReply> {
    const { model } = this.#options;
    const { body } = request;
    requireModel(model, body.model);
    const asked = {
      prompt: model.encodeChat(messagesOf(body), body.chat_template_kwargs ?? {}),
      maxTokens: body.max_completion_tokens ?? body.max_tokens ?? undefined,
      sampling: samplingOfRequest(body),
      stop: stopsOf(body),
      continues: false,
    };
    return await this.#answer(request, reply, { asked, form: chatForm, kind: 'chatcmpl' });
  }

  async #answer(
    request: FastifyRequest<{ Body: CompletionBody | ChatBody }>,
    reply: FastifyReply,
    { asked, form, kind }: { asked: Omit<CompletionRequest, 'signal'>; form: AnswerForm; kind: string },
  ): Promise<FastifyReply> {
    const { model, metrics, limits, log } = this.#options;
    const tellUsage = wantsUsage(request.body);
    const gone = await callerGone(request, reply);
    using deadline = new Deadline(limits.maxTimeoutMs, gone);
    const head = { id: `${kind}-${randomUUID()}`, created: Math.floor(Date.now() / 1000), model: model.name };
    const end = metrics.begin(model.name);
    let outcome: ErrorCode | 'ok' = 'ok';
    try {
      const parts = model.complete({ ...asked, signal: deadline });
      const sent = { head, form, parts, count: metrics.count };
      if (request.body.stream === true) outcome = await sendStream(request, reply, { ...sent, tellUsage, gone, log });
      else await sendWhole(reply, sent);
      return reply;
    } catch (thrown) {
      outcome = failureOf(thrown).code;
      throw asRefusal(thrown);
    } finally {
      end(outcome);
    }
  }
}

function requireModel({ name }: TextModel, asked: string): void {
  if (asked === name) return;
  throw new CutpointError('CUT_NOT_FOUND', `There is no model "${asked}"; the one here is "${name}".`);
}

/** Clients of OpenAI's API know that 429 means to come back later. */
function asRefusal(thrown: unknown): unknown {
  const { code, message, retryAfterS } = failureOf(thrown);
  return code === 'CUT_OVERLOADED' ? new Refusal(429, code, message, retryAfterS ?? 1) : thrown;
}
