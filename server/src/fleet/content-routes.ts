import { type ContentSource, contentHandler, contentPath, type Scope } from '@cutpoint/control';
import type { Log } from '@cutpoint/daemon';
import type { FastifyInstance } from 'fastify';

/**
 * Files by hash for those who run them, devices or pages: whoever is let in may have them, as they know only hashes.
 * @param scope that they need.
 */
export function contentRoutes(
  store: ContentSource,
  log: Log,
  scope: Scope = 'read',
): (app: FastifyInstance) => Promise<void> {
  const handler = contentHandler({
    store,
    onRefused: ({ code, message }, { socket }) => log.warn({ code, address: socket.remoteAddress }, message),
    onError: ({ code, message }, hash) => log.warn({ code, hash }, message),
  });
  return async (app) => {
    app.get(`${contentPath}:hash`, { config: { scope, undocumented: true } }, async (request, reply) => {
      // It answers by itself: ranges, entity tags, and readers that stop reading.
      reply.hijack();
      await handler(request.raw, reply.raw, request.caller?.name);
    });
  };
}
