import { CutpointError, type TensorSpec, throwIfCancelled } from '@cutpoint/core';
import { version as serverVersion } from '@cutpoint/daemon';
import { callerGone, jsonParser } from '@cutpoint/http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { nameOfDtype } from './datatypes.js';
import {
  failureAnswer,
  inferenceRequest,
  inferenceResponse,
  liveAnswer,
  modelMetadata,
  modelReadyAnswer,
  readyAnswer,
  serverMetadata,
} from './infer-schemas.js';
import { Inference, type InferenceCall } from './inference.js';
import type { InferenceLimits } from './limits.js';
import type { ModelMetrics } from './model-metrics.js';
import type { ModelInfo, Models } from './models.js';

export interface OpenInferenceOptions {
  readonly models: Models;
  readonly metrics: ModelMetrics;
  readonly limits: InferenceLimits;
  readonly ready: () => boolean;
}

const modelParams = z.object({ name: z.string().max(1024) });
const versionParams = modelParams.extend({ version: z.string().max(256) });
type Params = z.output<typeof modelParams> & Partial<z.output<typeof versionParams>>;

const binaryHint =
  ' If binary data follows it, the header Inference-Header-Content-Length must say how long the JSON is.';

/** The headers of the binary tensor data extension. */
const jsonLengthHeader = 'inference-header-content-length';

/**
 * The REST side of the Open Inference Protocol (KServe v2) with the binary tensor data extension, under /v2.
 * Sources: the specification at github.com/kserve/open-inference-protocol, and Triton's extensions `binary_tensor_data` and
 * `schedule_policy` (of the latter `timeout`, in microseconds).
 */
export async function openInference(app: FastifyInstance, options: OpenInferenceOptions): Promise<void> {
  const { models, limits } = options;
  const inference = new Inference({ ...options, parseJson: jsonParser(app, binaryHint) });
  // Whatever they call it, clients send JSON, or JSON with bytes after it.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  const failures = { '4xx': failureAnswer, '5xx': failureAnswer };
  const tags = ['Open Inference Protocol'];

  healthRoutes(app, options, tags);
  const metadata = { summary: 'The server', tags, response: { 200: serverMetadata, ...failures } };
  app.get('/v2', { schema: metadata, config: { scope: 'infer' } }, async () => ({
    name: 'cutpoint',
    version: serverVersion,
    extensions: ['binary_tensor_data'],
  }));

  for (const [path, params] of modelPaths) {
    const described = { summary: 'A model', tags, params, response: { 200: modelMetadata, ...failures } };
    app.get<{ Params: Params }>(path, { schema: described, config: { scope: 'infer' } }, async ({ params }) =>
      metadataOf(modelOf(models, params)),
    );
    const ready = { summary: 'Is a model ready?', tags, params, response: { 200: modelReadyAnswer, ...failures } };
    app.get<{ Params: Params }>(
      `${path}/ready`,
      { schema: ready, config: { scope: 'infer' } },
      async (request, reply) => {
        const { name, ready } = modelOf(models, request.params);
        return reply.code(ready ? 200 : 503).send({ name, ready });
      },
    );
    const infer = {
      summary: 'Run a model',
      tags,
      params,
      consumes: ['application/json', 'application/octet-stream'],
      response: { 200: inferenceResponse, ...failures },
    };
    app.post<{ Params: Params }>(
      `${path}/infer`,
      {
        schema: infer,
        config: { scope: 'infer', documentedBody: inferenceRequest },
        bodyLimit: limits.maxBodyBytes,
      },
      (request, reply) => {
        const { version } = request.params;
        return infers(inference, { model: modelOf(models, request.params), version }, request, reply);
      },
    );
  }
}

const modelPaths = [
  ['/v2/models/:name', modelParams],
  ['/v2/models/:name/versions/:version', versionParams],
] as const;

function healthRoutes(app: FastifyInstance, { ready }: OpenInferenceOptions, tags: readonly string[]): void {
  const live = { summary: 'Does the server answer?', tags, response: { 200: liveAnswer } };
  app.get('/v2/health/live', { schema: live }, async () => ({ live: true }));
  const schema = { summary: 'Can the server infer?', tags, response: { 200: readyAnswer, 503: readyAnswer } };
  app.get('/v2/health/ready', { schema }, async (_request, reply) => {
    const now = ready();
    return reply.code(now ? 200 : 503).send({ ready: now });
  });
}

async function infers(
  inference: Inference,
  asked: Pick<InferenceCall, 'model' | 'version'>,
  request: FastifyRequest,
  reply: FastifyReply,
) {
  const gone = await callerGone(request, reply);
  throwIfCancelled(gone);
  const header = request.headers[jsonLengthHeader];
  const { body, jsonLength, timing } = await inference.answer({
    ...asked,
    caller: request.caller,
    body: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
    jsonLength: Array.isArray(header) ? header.join() : header,
    gone,
  });
  reply.header('server-timing', timing);
  if (jsonLength !== undefined) reply.header('Inference-Header-Content-Length', jsonLength);
  reply.type(jsonLength === undefined ? 'application/json' : 'application/octet-stream');
  return reply.send(body);
}

/** @throws CutpointError CUT_NOT_FOUND */
function modelOf(models: Models, { name, version }: Params): ModelInfo {
  const all = models.list();
  const found = all.find((model) => model.name === name);
  if (found === undefined) {
    const known = all.map((model) => `"${model.name}"`).join(', ') || 'none yet';
    throw new CutpointError('CUT_NOT_FOUND', `There is no model "${name}"; the models are: ${known}.`);
  }
  if (version === undefined || version === found.version) return found;
  const known = found.version === undefined ? 'it has no versions' : `there is "${found.version}"`;
  throw new CutpointError('CUT_NOT_FOUND', `The model "${name}" has no version "${version}"; ${known}.`);
}

function metadataOf({ name, version, platform, inputs, outputs }: ModelInfo): z.output<typeof modelMetadata> {
  const described = (specs: readonly TensorSpec[]) =>
    specs.map((spec) => ({
      name: spec.name,
      datatype: nameOfDtype(spec.dtype),
      shape: spec.shape.map((size) => (typeof size === 'number' ? size : -1)),
    }));
  const versions = version === undefined ? {} : { versions: [version] };
  return { name, ...versions, platform, inputs: described(inputs), outputs: described(outputs) };
}
