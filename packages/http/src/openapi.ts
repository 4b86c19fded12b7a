import { version } from '@cutpoint/daemon';
import swagger from '@fastify/swagger';
import type { FastifyInstance, FastifySchema } from 'fastify';
import { z } from 'zod';
import { Refusal } from './refusal.js';
import type {} from './route-config.js';

/**
 * Has routes checked by the zod schemas that they name, and describes them by the same in `GET /openapi.json`. It must come
 * before the routes.
 */
export async function describeRoutes(app: FastifyInstance, description: string): Promise<void> {
  app.setValidatorCompiler(({ schema, httpPart }) => (value) => {
    if (!(schema instanceof z.ZodType)) return { value };
    const parsed = schema.safeParse(value);
    return parsed.success ? { value: parsed.data } : { error: invalid(httpPart ?? 'request', parsed.error) };
  });
  app.setSerializerCompiler(() => (value) => JSON.stringify(value));
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Cutpoint',
        description,
        version,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
    },
    transform: ({ schema, url, route }) => {
      const { documentedBody: body, scope, undocumented } = route.config ?? {};
      if (undocumented === true) return { schema: { hide: true }, url };
      const security = scope === undefined ? [] : [{ token: [] }];
      return { schema: documented({ ...schema, ...(body === undefined ? {} : { body }), security }), url };
    },
  });
  const schema = { summary: 'This document', tags: ['server'], response: { 200: z.looseObject({}) } };
  app.get('/openapi.json', { schema }, async () => app.swagger());
}

function documented(schema: FastifySchema): FastifySchema {
  const parts = ['body', 'querystring', 'params', 'headers'] as const;
  const converted: Record<string, unknown> = { ...schema };
  for (const part of parts) {
    if (schema[part] instanceof z.ZodType) converted[part] = jsonSchema(schema[part], 'input');
  }
  const responses = Object.entries((schema.response ?? {}) as Record<string, unknown>);
  converted.response = Object.fromEntries(
    responses.map(([status, response]) => [
      status,
      response instanceof z.ZodType ? jsonSchema(response, 'output') : response,
    ]),
  );
  return converted as FastifySchema;
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): unknown {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return rest;
}

function invalid(part: string, error: z.ZodError): Refusal {
  const issue = error.issues[0];
  const place = [part, ...(issue?.path ?? [])].join('.');
  if (issue?.message.endsWith('received undefined')) {
    const where = part === 'querystring' ? 'query, after the ? of the address' : part;
    const message = `The request lacks ${issue.path.join('.') || 'its content'} in its ${where}: /openapi.json says what it takes.`;
    return new Refusal(400, 'CUT_USAGE', message);
  }
  return new Refusal(400, 'CUT_USAGE', `The request is not valid at ${place}: ${issue?.message}.`);
}
