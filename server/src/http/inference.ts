import { createHash } from 'node:crypto';
import { CancelSource, CutpointError, type ErrorCode, type NamedTensors, onCancel } from '@cutpoint/core';
import { AnsweredRequests } from '@cutpoint/daemon';
import { type Caller, failureOf, type ParseJson } from '@cutpoint/http';
import { type ParsedInference, parseInference } from './infer-request.js';
import { type InferenceBody, serverTiming, writeInference } from './infer-response.js';
import type { InferenceLimits } from './limits.js';
import type { ModelMetrics } from './model-metrics.js';
import type { InferAnswer, ModelInfo, Models } from './models.js';

/** One inference request as HTTP brought it. */
export interface InferenceCall {
  readonly model: ModelInfo;
  /** The version that the address names; undefined for whichever answers. */
  readonly version: string | undefined;
  readonly caller: Caller | undefined;
  readonly body: Buffer;
  /** The header Inference-Header-Content-Length. */
  readonly jsonLength: string | undefined;
  /** Aborts when the caller has gone. */
  readonly gone: CancelSource;
}

export interface InferenceOptions {
  readonly models: Models;
  readonly metrics: ModelMetrics;
  readonly limits: InferenceLimits;
  readonly parseJson: ParseJson;
}

/** Answers inference requests; those with an id once, however often they come. */
export class Inference {
  readonly #options: InferenceOptions;
  readonly #answered: AnsweredRequests<InferAnswer>;

  constructor(options: InferenceOptions) {
    this.#options = options;
    const { retryWindowMs, maxKeptAnswers, maxKeptBytes, maxUnderWay } = options.limits;
    this.#answered = new AnsweredRequests({
      windowMs: retryWindowMs,
      maxAnswers: maxKeptAnswers,
      maxBytes: maxKeptBytes,
      maxUnderWay,
      bytesOf: ({ outputs }) => bytesOf(outputs) + answerBytes,
    });
  }

  /** @throws what reading the request, running the model and writing the answer throw. */
  async answer(call: InferenceCall): Promise<InferenceBody & { readonly timing: string }> {
    const { model } = call;
    const { metrics, limits, parseJson } = this.#options;
    const end = metrics.begin(model.name);
    let outcome: ErrorCode | 'ok' = 'CUT_INTERNAL';
    let answer: InferAnswer | undefined;
    try {
      const request = parseInference(call.body, call.jsonLength, limits, parseJson);
      checkOutputs(model, request);
      answer = await this.#infer(call, request);
      const written = writeInference(model.name, request, answer);
      outcome = 'ok';
      return { ...written, timing: serverTiming(answer) };
    } catch (thrown) {
      outcome = failureOf(thrown).code;
      throw thrown;
    } finally {
      end(outcome, answer);
    }
  }

  async #infer({ model, version, caller, gone }: InferenceCall, request: ParsedInference): Promise<InferAnswer> {
    const { models, limits } = this.#options;
    const { id, inputs } = request;
    const outputs = request.outputs?.map(({ name }) => name);
    const deadlineMs = Math.min(request.timeoutMs ?? limits.timeoutMs, limits.maxTimeoutMs);
    using deadline = new Deadline(deadlineMs);
    using _ = onCancel(deadline.source, () => gone.abort(tooLate(deadlineMs)));
    const ownId = id === undefined ? undefined : idBehindHttp(caller, id);
    const run = (signal: CancelSource) =>
      models.infer(model.name, inputs, { deadlineMs, id: ownId, outputs, version, signal });
    if (id === undefined) return await run(gone);
    const key = {
      key: JSON.stringify([caller?.name, model.name, model.version, version, id]),
      fingerprint: fingerprintOf(inputs, outputs),
    };
    // It lasts as long as its deadline even if its caller goes, as it will come back.
    const compute = async () => {
      using own = new Deadline(deadlineMs);
      return await run(own.source);
    };
    return await this.#answered.ask(key, compute, gone);
  }
}

/** What an answer takes beside its tensors. */
const answerBytes = 1024;

/** A signal that aborts after so long. */
class Deadline implements Disposable {
  readonly source = new CancelSource();
  readonly #timer: NodeJS.Timeout;

  constructor(ms: number) {
    this.#timer = setTimeout(() => this.source.abort(tooLate(ms)), ms);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}

function tooLate(ms: number): CutpointError {
  return new CutpointError('CUT_DEADLINE', `The request did not finish within ${ms} ms.`);
}

function checkOutputs({ name, outputs }: ModelInfo, request: ParsedInference): void {
  const unknown = request.outputs?.find((wanted) => !outputs.some((output) => output.name === wanted.name));
  if (unknown === undefined) return;
  const known = outputs.map((output) => output.name).join(', ');
  const message = `The model ${name} has no output "${unknown.name}"; its outputs are ${known}.`;
  throw new CutpointError('CUT_INPUT', message);
}

/**
 * The id of a request where it is computed, perhaps on a device: ids of other callers, and of programs at that device, are never
 * the same. It begins as the caller wrote it, for those who read logs, and has less than 128 characters.
 */
function idBehindHttp(caller: Caller | undefined, id: string): string {
  const hash = createHash('sha256').update(JSON.stringify([caller?.name ?? null, id]));
  return `${id.slice(0, 64)}.${hash.digest('base64url')}`;
}

function bytesOf(tensors: NamedTensors): number {
  return [...tensors.values()].reduce((sum, { data }) => sum + data.length, 0);
}

/** Differs for requests that differ in anything that the answer depends on. */
function fingerprintOf(inputs: NamedTensors, outputs: readonly string[] | undefined): string {
  const hash = createHash('sha256');
  const types = [...inputs].map(([name, { dtype, shape }]) => [name, dtype, shape]);
  hash.update(JSON.stringify([types, outputs ?? null]));
  for (const { data } of inputs.values()) hash.update(data);
  return hash.digest('base64');
}
