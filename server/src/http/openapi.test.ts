import type { HttpServer } from '@cutpoint/http';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { FleetAdmin } from './fleet-admin.js';
import { ExampleModels, example, postBinary, postJson, startTestHttp } from './http.testing.js';

/** What OpenAPI 3.1 demands of the parts that we use. */
const jsonSchema = z.looseObject({});
const content = z.record(z.string(), z.strictObject({ schema: jsonSchema }));
const operation = z.strictObject({
  summary: z.string().min(1),
  tags: z.array(z.string()).min(1),
  parameters: z
    .array(
      z.strictObject({ in: z.enum(['path', 'query']), name: z.string(), required: z.boolean(), schema: jsonSchema }),
    )
    .optional(),
  requestBody: z.strictObject({ content, required: z.boolean().optional() }).optional(),
  responses: z.record(
    z.string().regex(/^([1-5]\d\d|[1-5]XX|default)$/),
    z.strictObject({ description: z.string().min(1), content: content.optional() }),
  ),
  security: z.array(z.record(z.string(), z.array(z.string()))),
});
const document = z.strictObject({
  openapi: z.string().regex(/^3\.1\.\d+$/),
  info: z.looseObject({ title: z.string(), version: z.string() }),
  components: z.strictObject({
    securitySchemes: z.record(z.string(), z.looseObject({ type: z.literal('http') })),
    schemas: z.strictObject({}),
  }),
  paths: z.record(z.string().startsWith('/'), z.partialRecord(z.enum(['get', 'post', 'put', 'delete']), operation)),
});
type Document = z.output<typeof document>;

const never = async () => {
  throw new Error('not asked');
};
const fleet: FleetAdmin = {
  devices: async () => [],
  status: never,
  deploy: never,
  undeploy: never,
  rollback: never,
  files: { look: never, take: never },
  logs: async () => [],
  figures: () => ({ devices: { online: 0, offline: 0 }, links: [] }),
};

const ajv = new Ajv2020({ strict: false, allErrors: true });
let server: HttpServer;
let described: Document;
beforeAll(async () => {
  server = await startTestHttp(new ExampleModels(), { fleet });
  described = document.parse(await (await fetch(`${server.url}/openapi.json`)).json());
});
afterAll(() => server[Symbol.asyncDispose]());

type Method = 'get' | 'post' | 'put' | 'delete';

function bodySchema(path: string, method: Method): object {
  const body = described.paths[path]?.[method]?.requestBody?.content['application/json']?.schema;
  if (body === undefined) throw new Error(`${method} ${path} has no body`);
  return body;
}

function answerSchema(path: string, method: Method, status: number): object {
  const responses = described.paths[path]?.[method]?.responses;
  const response = responses?.[status] ?? responses?.[`${Math.floor(status / 100)}XX`];
  const schema = response?.content?.['application/json']?.schema;
  if (schema === undefined) throw new Error(`${method} ${path} has no answer ${status}`);
  return schema;
}

describe('/openapi.json', () => {
  it('describes every path, and says where a token is needed', () => {
    const version = '/v2/models/{name}/versions/{version}';
    const open = ['/healthz', '/openapi.json', '/readyz', '/v2/health/live', '/v2/health/ready'];
    const guarded = [
      '/metrics',
      '/v1/deployments',
      '/v1/deployments/{name}',
      '/v1/devices',
      '/v1/files/{hash}',
      '/v1/logs',
      '/v1/rollback',
      '/v1/status',
      '/v2',
      '/v2/models/{name}',
      '/v2/models/{name}/infer',
      '/v2/models/{name}/ready',
      version,
      `${version}/infer`,
      `${version}/ready`,
    ];
    expect(Object.keys(described.paths).sort()).toEqual([...open, ...guarded].sort());
    for (const [path, methods] of Object.entries(described.paths)) {
      const security = open.includes(path) ? [] : [{ token: [] }];
      for (const described of Object.values(methods)) expect(described.security, path).toEqual(security);
    }
  });

  it('declares the parameters of every path', () => {
    for (const [path, methods] of Object.entries(described.paths)) {
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      for (const operation of Object.values(methods)) {
        const declared = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
        expect(
          declared.map(({ name, required }) => [name, required]),
          path,
        ).toEqual(named.map((name) => [name, true]));
      }
    }
  });

  it('holds schemas that compile and need nothing outside', () => {
    const text = JSON.stringify(described);
    expect(text).not.toContain('$ref');
    for (const path of ['/v1/deployments', '/v1/rollback']) ajv.compile(bodySchema(path, 'post'));
    for (const path of ['/v1/devices', '/v1/status', '/v2']) ajv.compile(answerSchema(path, 'get', 200));
  });

  it('takes the requests that the server takes, and not those that it refuses', async () => {
    const path = '/v2/models/{name}/infer';
    const takes = ajv.compile(bodySchema(path, 'post'));
    const refused = [
      {},
      { inputs: [{ name: 'x' }] },
      { ...example, parameters: { timeout: -1 } },
      { ...example, id: 3 },
    ];
    expect(takes(example), ajv.errorsText(takes.errors)).toBe(true);
    for (const request of refused) {
      expect(takes(request), JSON.stringify(request)).toBe(false);
      expect((await postJson(`${server.url}/v2/models/mymodel/infer`, request)).status).toBe(400);
    }
  });

  it('tells what answers look like', async () => {
    const url = `${server.url}/v2/models/mymodel`;
    const answers: [string, Method, Response][] = [
      ['/v2', 'get', await fetch(`${server.url}/v2`)],
      ['/v2/models/{name}', 'get', await fetch(url)],
      ['/v2/models/{name}', 'get', await fetch(`${url}x`)],
      ['/v2/models/{name}/ready', 'get', await fetch(`${url}/ready`)],
      ['/v2/models/{name}/infer', 'post', await postJson(`${url}/infer`, example)],
      ['/v2/models/{name}/infer', 'post', await postBinary(`${url}/infer`, {}, new Uint8Array(1))],
      ['/v1/devices', 'get', await fetch(`${server.url}/v1/devices`)],
      ['/v1/logs', 'get', await fetch(`${server.url}/v1/logs?device=pi-1`)],
      ['/healthz', 'get', await fetch(`${server.url}/healthz`)],
      ['/readyz', 'get', await fetch(`${server.url}/readyz`)],
    ];
    for (const [path, method, response] of answers) {
      const valid = ajv.compile(answerSchema(path, method, response.status));
      const name = `${method} ${path} ${response.status}`;
      expect(valid(await response.json()), `${name}: ${ajv.errorsText(valid.errors)}`).toBe(true);
      expect(valid([]), name).toBe(false);
    }
  });
});
