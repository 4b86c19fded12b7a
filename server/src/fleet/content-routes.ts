import { type ContentStore, contentHandler, contentPath } from '@cutpoint/control';
import type { Log } from '@cutpoint/daemon';
import type { FastifyInstance } from 'fastify';

/** Files of deployments for the devices that run them: whoever is let in may have them, as they know only hashes. */
export function contentRoutes(store: ContentStore, log: Log): (app: FastifyInstance) => Promise<void> {
  const handler = contentHandler({
    store,
    onRefused: ({ code, message }, { socket }) => log.warn({ code, address: socket.remoteAddress }, message),
    onError: ({ code, message }, hash) => log.warn({ code, hash }, message),
  });
  return async (app) => {
    app.get(`${contentPath}:hash`, { config: { scope: 'read', undocumented: true } }, async (request, reply) => {
      // It answers by itself: ranges, entity tags, and readers that stop reading.
      reply.hijack();
      await handler(request.raw, reply.raw, request.caller?.name);
    });
  };
}
