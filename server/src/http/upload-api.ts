import { contentHash } from '@cutpoint/control/client';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { FilesSent } from './fleet-admin.js';
import { failureAnswer } from './infer-schemas.js';

/** The longest part of a file that is taken at a time. */
export const maxPartBytes = 8 * 1024 * 1024;

export const uploadView = z.object({ hash: contentHash, complete: z.boolean(), receivedBytes: z.int().nonnegative() });
export type UploadView = z.output<typeof uploadView>;

const fileParams = z.object({ hash: contentHash });
const partQuery = z.strictObject({
  offset: z.coerce.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER),
  bytes: z.coerce.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER),
});
type Params = z.output<typeof fileParams>;

/**
 * Takes the files of models, in parts, under /v1/files: named by their SHA-256, each once, and gone on with after a cut.
 */
export async function uploadApi(app: FastifyInstance, uploads: FilesSent): Promise<void> {
  const common = {
    tags: ['Fleet'],
    params: fileParams,
    response: { 200: uploadView, '4xx': failureAnswer, '5xx': failureAnswer },
  };
  const config = { scope: 'deploy' } as const;
  // Parts are written as they come, and never held.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
  const look = { summary: 'How much of a file is here', ...common };
  app.get<{ Params: Params }>('/v1/files/:hash', { schema: look, config }, ({ params }) => uploads.look(params.hash));
  const take = {
    summary: 'Send a part of a file',
    ...common,
    querystring: partQuery,
    consumes: ['application/octet-stream'],
  };
  app.put<{ Params: Params; Querystring: z.output<typeof partQuery> }>(
    '/v1/files/:hash',
    { schema: take, config, bodyLimit: maxPartBytes },
    async ({ params, query, body }) => {
      const chunks = (body ?? []) as AsyncIterable<Uint8Array>;
      return await uploads.take({ ...params, ...query, chunks });
    },
  );
}
