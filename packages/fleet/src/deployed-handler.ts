import { randomUUID } from 'node:crypto';
import { type CancelSignal, CutpointError, type NamedTensors } from '@cutpoint/core';
import {
  AnsweredRequests,
  bytesOf,
  Deadline,
  requestIdOf,
  requestKeyOf,
  type StageRequest,
  stageRequest,
  tagsOf,
  version,
} from '@cutpoint/daemon';
import { answerProbe, type Meta, probeMethod, type RequestHandler } from '@cutpoint/wire';
import { z } from 'zod';
import type { DeployedService, WholeAnswer } from './deployed-service.js';

export interface DeployedHandlerOptions {
  readonly service: DeployedService;
  /** Deadline of a request that has none. */
  readonly timeoutMs: number;
}

/** For how long a request that is repeated is answered without being computed again, and what may be kept for that. */
const answeredLimits = { windowMs: 30_000, maxAnswers: 1_024, maxBytes: 64 * 1024 ** 2, maxUnderWay: 1_024 };

type Response = Awaited<ReturnType<RequestHandler>>;

const named = z.object({ model: z.string().min(1).max(256).optional() });

/**
 * Answers what a device of a fleet can be asked. `infer` with a segment in its meta data does that part of another
 * device's request; without one, it begins a request of the `model` (its name, or that of the deployment) and answers
 * with its outputs, and `timing`, `route`, `generation` and `modelHash` beside them: how, and by what it was computed. Both
 * are computed once for all requests of one `id`. `describe` tells likewise. `probe` measures the link.
 */
export function deployedHandler({ service, timeoutMs }: DeployedHandlerOptions): RequestHandler {
  const bytes = ({ tensors }: Response) => (tensors === undefined ? 0 : bytesOf(tensors));
  const answered = new AnsweredRequests<Response>({ ...answeredLimits, bytesOf: bytes });
  const infer = async (meta: Meta, tensors: NamedTensors, signal: CancelSignal): Promise<Response> => {
    const id = requestIdOf(meta);
    const endsInMs = signal.endsAtMs === undefined ? timeoutMs : signal.endsAtMs - performance.now();
    const request = stageOf(meta);
    // Who asks twice is answered once; that the first has hung up does not end the work.
    const compute = async (): Promise<Response> => {
      using deadline = new Deadline(endsInMs);
      if (request !== undefined) return await service.stage(request, tensors, { signal: deadline, tags: tagsOf(meta) });
      const whole = { name: nameIn(meta), inputs: tensors, id: id ?? randomUUID(), signal: deadline };
      return responseOf(await service.whole(whole));
    };
    if (id === undefined) return await compute();
    const what =
      request === undefined ? await service.meantBy(nameIn(meta), signal) : [request, meta.deployment, meta.generation];
    return await answered.ask(requestKeyOf(id, what, tensors), compute, signal);
  };
  return async ({ method, meta, tensors, signal }) => {
    switch (method) {
      case 'describe':
        return { meta: await describe(service, meta, signal) };
      case 'infer':
        return await infer(meta, tensors, signal);
      case probeMethod:
        return answerProbe({ meta });
      default:
        throw new CutpointError('CUT_USAGE', `A device has no method "${method}": it has describe, infer and probe.`);
    }
  };
}

function responseOf({ outputs, timing, route, deployment, generation, modelHash, leased }: WholeAnswer): Response {
  const about = { deployment, generation, modelHash, leased };
  return { meta: route === undefined ? { timing, ...about } : { timing, route, ...about }, tensors: outputs };
}

async function describe(service: DeployedService, meta: Meta, signal: CancelSignal): Promise<Meta> {
  const request = stageOf(meta);
  if (request !== undefined) return await service.describeStage(request, tagsOf(meta), signal);
  const { model, deployment } = service.find(nameIn(meta));
  const inputs = model.inputs.map((input) => ({ ...input }));
  return { version, deployment, modelHash: model.hash, inputs, outputs: model.outputs.map(({ name }) => name) };
}

function nameIn(meta: Meta): string | undefined {
  const parsed = named.safeParse(meta);
  if (parsed.success) return parsed.data.model;
  throw new CutpointError('CUT_INPUT', 'The request must give model as the name of a model or deployment.');
}

/** Undefined for a request that begins here. */
function stageOf(meta: Meta): StageRequest | undefined {
  if (meta.segment === undefined && meta.at === undefined) return undefined;
  const parsed = stageRequest.safeParse(meta);
  if (parsed.success && parsed.data.segment <= parsed.data.at.length) return parsed.data;
  throw new CutpointError('CUT_INPUT', 'The request must give at, codecs and segment, or none of them.');
}
