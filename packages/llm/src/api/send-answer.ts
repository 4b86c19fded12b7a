import type { CancelSignal, ErrorCode } from '@cutpoint/core';
import type { Log } from '@cutpoint/daemon';
import { failureOf, logFailure } from '@cutpoint/http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { CompletionEnd, CompletionPart, Usage } from '../conversation/text-model.js';
import type { AnswerForm, AnswerHead } from './answers.js';
import { EventStream } from './event-stream.js';
import { failureForm } from './failure-form.js';

type Parts = AsyncGenerator<CompletionPart | CompletionEnd>;

export interface AnswerToSend {
  readonly head: AnswerHead;
  readonly form: AnswerForm;
  readonly parts: Parts;
  readonly count: (model: string, usage: Usage) => void;
}

/** Sends an answer when it is complete. @throws as the parts do. */
export async function sendWhole(reply: FastifyReply, { head, form, parts, count }: AnswerToSend): Promise<void> {
  let text = '';
  for await (const part of parts) {
    text += part.text;
    if (!('reason' in part)) continue;
    count(head.model, part.usage);
    await reply.send(form.whole(head, text, part));
  }
}

export interface StreamToSend extends AnswerToSend {
  /** Tell the usage in an event of its own. */
  readonly tellUsage: boolean;
  readonly gone: CancelSignal;
  readonly log: Log;
}

/**
 * Sends an answer as it comes. What fails before its first part is thrown, and has a status of its own; what fails later is
 * an event.
 * @returns how it ended.
 */
export async function sendStream(
  request: FastifyRequest,
  reply: FastifyReply,
  { parts, gone, log, ...answer }: StreamToSend,
): Promise<ErrorCode | 'ok'> {
  const first = await parts.next();
  reply.hijack();
  const events = new EventStream(reply.raw);
  try {
    await sendParts(events, joined(first, parts), answer);
    return 'ok';
  } catch (thrown) {
    const failure = failureOf(thrown);
    if (!gone.aborted) {
      logFailure(thrown, failure, request, log);
      await events.send(failureForm(failure));
    }
    return failure.code;
  } finally {
    await parts.return(undefined);
    events.end();
  }
}

async function sendParts(
  events: EventStream,
  parts: AsyncIterable<CompletionPart | CompletionEnd>,
  { head, form, tellUsage, count }: Omit<StreamToSend, 'parts' | 'gone' | 'log'>,
): Promise<void> {
  const withUsage = (chunk: object) => (tellUsage ? { ...chunk, usage: null } : chunk);
  const opening = form.opening(head);
  if (opening !== undefined) await events.send(withUsage(opening));
  for await (const part of parts) {
    if (part.text !== '') await events.send(withUsage(form.chunk(head, part.text, null)));
    if (!('reason' in part)) continue;
    count(head.model, part.usage);
    await events.send(withUsage(form.chunk(head, '', part.reason)));
    if (tellUsage) await events.send(form.usage(head, part.usage));
  }
  await events.send('[DONE]');
}

async function* joined(
  first: IteratorResult<CompletionPart | CompletionEnd>,
  rest: Parts,
): AsyncGenerator<CompletionPart | CompletionEnd> {
  if (first.done === true) return;
  yield first.value;
  yield* rest;
}
