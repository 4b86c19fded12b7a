import { messageOf } from '@cutpoint/core';
import type { Log } from '@cutpoint/daemon';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { failureOf, type HttpFailure } from './refusal.js';

/** Answers what was thrown while a request was served. */
export type FailureHandler = (thrown: unknown, request: FastifyRequest, reply: FastifyReply) => FastifyReply;

/** Logs and answers failures. `bodyOf` gives them the form that an API has for them. */
export function failureHandler(
  log: Log,
  bodyOf: (failure: HttpFailure) => object = ({ message, code }) => ({ error: message, code }),
): FailureHandler {
  return (thrown, request, reply) => {
    const failure = failureOf(thrown);
    logFailure(thrown, failure, request, log);
    const { status, retryAfterS } = failure;
    if (retryAfterS !== undefined) reply.header('retry-after', Math.max(1, Math.ceil(retryAfterS)));
    if (status === 401) reply.header('www-authenticate', 'Bearer');
    // What was refused before it was read stays in the connection.
    if (request.body === undefined && request.raw.headers['content-length'] !== undefined)
      reply.header('connection', 'close');
    return reply.code(status).type('application/json').send(bodyOf(failure));
  };
}

/** What went wrong with a request, where it is answered and where its answer has begun already. */
export function logFailure(
  thrown: unknown,
  { status, code, message }: HttpFailure,
  { method, routeOptions, url, ip, caller }: FastifyRequest,
  log: Log,
): void {
  const details = { method, path: routeOptions.url ?? url, address: ip, caller: caller?.name, status, code };
  if (code === 'CUT_INTERNAL') log.error({ ...details, cause: messageOf(thrown) }, message);
  // Who is refused unheard was logged when it failed.
  else if (status === 429) log.debug(details, message);
  else log.warn(details, message);
}
