import { type CancelSignal, CutpointError } from '@cutpoint/core';
import { type StageRequest, splitChoice, stageRequest, version } from '@cutpoint/daemon';
import { answerProbe, type Meta, probeMethod, type RequestHandler } from '@cutpoint/wire';
import type { StageService } from './stage-service.js';

/**
 * Answers `describe` and `infer` for the segments behind the first cut. Both say in their meta data which split they mean
 * and which segment of it; what goes wrong goes back to whoever asked. `probe` measures the link.
 */
export function stageHandler(service: StageService): RequestHandler {
  const requests = new WeakMap<object, StageRequest>();
  const requestOf = (meta: Meta): StageRequest => {
    // Requests that repeat have the same meta data, not only equal ones.
    const request = requests.get(meta) ?? readRequest(meta);
    requests.set(meta, request);
    return request;
  };
  return async ({ method, meta, tensors, signal }) => {
    switch (method) {
      case 'describe':
        return { meta: await describe(service, meta, signal) };
      case 'infer':
        return await service.infer(requestOf(meta), tensors, signal);
      case probeMethod:
        return answerProbe({ meta });
      default:
        throw new CutpointError('CUT_USAGE', `The server has no method "${method}": it has describe, infer and probe.`);
    }
  };
}

/** Asked without a split: the one that the server was started for; a server for any cut tells its model. */
async function describe(service: StageService, meta: Meta, signal: CancelSignal): Promise<Meta> {
  const request = Object.keys(meta).length === 0 ? service.fixed : readRequest(meta);
  if (request === undefined) return { version, modelHash: service.modelHash };
  return await service.describe(request, signal);
}

function readRequest(meta: unknown): StageRequest {
  const parsed = stageRequest.safeParse(meta);
  if (parsed.success && parsed.data.segment <= parsed.data.at.length) return parsed.data;
  const told = splitChoice.safeParse(meta).success
    ? 'names a segment that the split does not have'
    : 'does not say where the model is cut';
  throw new CutpointError('CUT_INPUT', `The request ${told}: it must give at, codecs and segment.`);
}
