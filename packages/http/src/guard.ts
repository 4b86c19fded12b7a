import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Access, callerOf, mayUse, unknownCaller } from './access.js';
import { onExchangeEnd } from './exchange-end.js';
import { Guesses } from './guesses.js';
import type { HttpLimits } from './limits.js';
import { Refusal } from './refusal.js';
import type {} from './route-config.js';

/** Refuses, before a body is read, whoever is not known or may not, and what would take too much. */
export async function guard(app: FastifyInstance, access: Access, limits: HttpLimits): Promise<void> {
  await app.register(rateLimit, { global: false });
  const guesses = new Guesses(app, limits);
  app.decorateRequest('caller', undefined);
  app.addHook('onRequest', async (request) => {
    const { scope } = request.routeOptions.config;
    if (scope === undefined) return;
    await guesses.requireHeard(request);
    const caller = await callerOf(access, request);
    if (caller === undefined) {
      await guesses.failed(request);
      throw unknownCaller(access);
    }
    guesses.succeeded(request);
    if (!mayUse(caller, scope)) {
      throw new Refusal(403, 'CUT_FORBIDDEN', `This needs the scope "${scope}", which the caller does not have.`);
    }
    request.caller = caller;
  });
  guardBodies(app, limits);
}

/** Bodies come as they are and say how long they are, and all of them together have a limit. */
function guardBodies(app: FastifyInstance, { maxHeldBytes, maxUnderWay }: HttpLimits): void {
  let heldBytes = 0;
  let underWay = 0;
  app.addHook('onRequest', async (request, reply) => {
    const bytes = bodyLength(request);
    // Health is told also when nothing else is.
    if (request.routeOptions.config.scope === undefined && bytes === 0) return;
    if (underWay >= maxUnderWay || heldBytes + bytes > maxHeldBytes) {
      const message = `${underWay} requests with ${heldBytes} bytes are under way already: try again later.`;
      throw new Refusal(503, 'CUT_OVERLOADED', message, 1);
    }
    underWay += 1;
    heldBytes += bytes;
    onExchangeEnd(request.raw, reply.raw, () => {
      underWay -= 1;
      heldBytes -= bytes;
    });
  });
}

function bodyLength({ headers, routeOptions }: FastifyRequest): number {
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    throw new Refusal(415, 'CUT_HTTP', 'Bodies are taken as they are: send it without Content-Encoding.');
  }
  if (headers['transfer-encoding'] !== undefined) {
    throw new Refusal(411, 'CUT_HTTP', 'Say how long the body is, by Content-Length, and send it in one piece.');
  }
  const bytes = Number(headers['content-length'] ?? 0);
  const { bodyLimit } = routeOptions;
  if (bodyLimit !== undefined && bytes > bodyLimit) {
    throw new Refusal(413, 'CUT_HTTP', `The body has ${bytes} bytes, but may have ${bodyLimit}.`);
  }
  return bytes;
}
